#include "model/kv_cache.h"

#include "ops/rope.h"
#include "util/error.h"

namespace slm {

KvCache::KvCache(Backend& backend, const DecoderSpec& spec, int64_t slots, int64_t capacity,
                 DType dtype, const Placement& placement)
    : rope_(spec.rope),
      capacity_(capacity),
      lengths_(size_t(slots), 0),
      prompts_(size_t(slots), 0) {
  int64_t width = spec.kv_heads * spec.head_size, block = traits(dtype).block_elems;
  check(width % block == 0,
        "[kv_cache] {} keeps blocks of {} values: a token's {} heads of {} are no whole number of "
        "them; use f16",
        traits(dtype).name, block, spec.kv_heads, spec.head_size);
  for (int64_t i = 0; i < spec.layers; ++i) {
    Shape shape{slots * capacity, spec.kv_heads, spec.head_size};
    if (block > 1) shape = Shape{slots * capacity, width};
    Backend& where = placement.on_host(i) ? *placement.host : backend;
    layers_.push_back({where.empty(shape, dtype), where.empty(shape, dtype)});
  }
}

void KvCache::set_length(int64_t slot, int64_t length) {
  check(0 <= length && length <= capacity_,
        "[kv_cache] {} tokens in a cache for {}; ask for a longer context", length, capacity_);
  if (length == 0)
    prompts_[size_t(slot)] = 0;
  else if (prompts_[size_t(slot)] == 0)
    prompts_[size_t(slot)] = length;
  lengths_[size_t(slot)] = length;
}

int64_t KvCache::start(int64_t slot, int64_t kept, int64_t prompt) {
  if (rope_for(rope_, prompts_[size_t(slot)]) != rope_for(rope_, prompt)) kept = 0;
  set_length(slot, kept);
  prompts_[size_t(slot)] = prompt;
  return kept;
}

int64_t KvCache::prompt(int64_t slot, int64_t fresh) const {
  int64_t known = prompts_[size_t(slot)];
  return known > 0 ? known : fresh;
}

int64_t KvCache::bytes_per_token(const DecoderSpec& spec, DType dtype) {
  return 2 * spec.layers * bytes_of(dtype, spec.kv_heads * spec.head_size);
}

}  // namespace slm
