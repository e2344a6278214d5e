#include "model/layer_fit.h"

#include <algorithm>
#include <numeric>

#include "model/sizes.h"
#include "util/checked.h"

namespace slm {
namespace {

// Workspace of products, kernels that are loaded when they are first used, and what is lost between
// the pieces of memory.
constexpr int64_t kSpare = int64_t{256} << 20;

int64_t cache_bytes_of_block(const DecoderSpec& spec, const RunSizes& sizes) {
  int64_t context = sizes.context > 0 ? sizes.context : spec.max_positions;
  int64_t rows = checked_mul(sizes.texts, std::min(context, sizes.longest), "the cache");
  return checked_mul(rows, KvCache::bytes_per_token(spec, sizes.cache), "the cache") / spec.layers;
}

int64_t& place(LayerBytes& bytes, int64_t layer) {
  if (layer < 0) return bytes.before;
  return layer < std::ssize(bytes.blocks) ? bytes.blocks[size_t(layer)] : bytes.after;
}

}  // namespace

LayerBytes layer_bytes(const Checkpoint& checkpoint, std::optional<DType> dtype,
                       const RunSizes& sizes) {
  const DecoderSpec& spec = checkpoint.config().spec;
  LayerBytes bytes;
  bytes.blocks.assign(size_t(spec.layers), cache_bytes_of_block(spec, sizes));
  int64_t decoded = 0;  // matrices in blocks are multiplied as plain ones when there are many rows
  for (size_t i = 0; i < checkpoint.parameters().size(); ++i) {
    const ParameterSpec& p = checkpoint.parameters()[i];
    DType type = loaded_type(checkpoint.stored_type(i), p.role, dtype);
    int64_t size = bytes_of(type, p.shape.elements());
    int64_t plain = bytes_of(DType::kF32, p.shape.elements());
    bool in_blocks = traits(type).block_elems > 1;
    if (in_blocks) decoded = std::max(decoded, plain);
    bool head = p.name == (spec.tied_head ? "embed.weight" : "head.weight");
    if (head && spec.normalized_head) bytes.after += in_blocks ? plain : size;  // a copy
    int64_t layer = head && spec.tied_head && !spec.normalized_head ? spec.layers
                                                                    : layer_of(p.name, spec.layers);
    place(bytes, layer) += size;
  }
  bytes.work = sizes.pass_tokens * pass_bytes_per_token(spec) +
               sizes.logit_rows * bytes_of(DType::kF32, spec.vocab) + decoded + kSpare +
               sizes.other;
  return bytes;
}

LayerFit layers_that_fit(const LayerBytes& bytes, int64_t free) {
  int64_t left = free - bytes.work - bytes.after;
  int64_t all = std::accumulate(bytes.blocks.begin(), bytes.blocks.end(), bytes.before);
  if (all <= left) return {int64_t(bytes.blocks.size()), true};
  LayerFit fit;
  for (auto block = bytes.blocks.rbegin(); block != bytes.blocks.rend() && *block <= left;
       ++block) {
    left -= *block;
    ++fit.blocks;
  }
  return fit;
}

}  // namespace slm
