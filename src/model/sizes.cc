#include "model/sizes.h"

#include "util/checked.h"

namespace slm {
namespace {

bool is_small(ParameterRole role) {
  return role == ParameterRole::kNormWeight || role == ParameterRole::kBias;
}

// The published models whose figure differs from what their files hold. Which degree a model was
// trained with cannot be computed from its config (a padded vocabulary fits several), so the four
// are listed; the formulas below are general.
struct PublishedModel {
  std::string_view model_type;
  int64_t width, layers, vocab;
  int64_t ranks;            // tensor-parallel degree
  bool unused_second_norm;  // the training code allocated it although the blocks share one
};
constexpr PublishedModel kPublished[] = {
    {"gpt_neox", 4096, 16, 50688, 4, false},       // StableLM-Base-Alpha 3B
    {"gpt_neox", 6144, 16, 50432, 2, false},       // StableLM-Base-Alpha 7B
    {"stablelm_alpha", 2560, 32, 50432, 2, true},  // StableLM-Base-Alpha-3B v2
    {"stablelm_alpha", 4096, 32, 50432, 2, true},  // StableLM-Base-Alpha-7B v2
};

// What every rank holds whole: norms, and biases added after the partial products of the ranks are
// summed, those of the attention and MLP output matrices.
int64_t replicated(const DecoderSpec& spec) {
  int64_t n = 0;
  for (const ParameterSpec& p : parameter_specs(spec)) {
    bool row_parallel = p.name.ends_with("attn.out.bias") || p.name.ends_with("mlp.down.bias");
    bool norm = p.name.find("norm") != std::string::npos;
    if (norm || row_parallel) n += p.shape.elements();
  }
  return n;
}

}  // namespace

int64_t parameter_count(const DecoderSpec& spec) {
  int64_t n = 0;
  for (const ParameterSpec& p : parameter_specs(spec)) n += p.shape.elements();
  return n;
}

int64_t weight_bytes(const DecoderSpec& spec, DType dtype) {
  int64_t bytes = 0;
  for (const ParameterSpec& p : parameter_specs(spec))
    bytes += bytes_of(is_small(p.role) ? DType::kF32 : dtype, p.shape.elements());
  return bytes;
}

int64_t cache_bytes(const DecoderSpec& spec, int64_t context) {
  return checked_mul(context, KvCache::bytes_per_token(spec, DType::kF16), "the cache");
}

// States, queries, keys and values (laid out anew for every path), the MLP's two, and as much again
// that lives from one op to the next.
int64_t pass_bytes_per_token(const DecoderSpec& spec) {
  int64_t kv = spec.kv_heads * spec.head_size;
  int64_t numbers = 4 * spec.width + 2 * spec.heads * spec.head_size + 12 * kv + 3 * spec.mlp_width;
  return 2 * numbers * int64_t(sizeof(float));
}

int64_t training_state_bytes(const DecoderSpec& spec) {
  return 4 * bytes_of(DType::kF32, parameter_count(spec));
}

std::optional<PublishedCount> published_count(const ModelConfig& config) {
  const DecoderSpec& s = config.spec;
  for (const PublishedModel& m : kPublished) {
    if (m.model_type != config.model_type || m.width != s.width || m.layers != s.layers ||
        m.vocab != s.vocab)
      continue;
    int64_t second_norms = m.unused_second_norm ? 2 * s.width * s.layers : 0;
    int64_t copies = (m.ranks - 1) * (replicated(s) + second_norms);
    std::string reason =
        format("counts what each of {} tensor-parallel ranks kept a copy of (norms{}): + {}",
               m.ranks, second_norms ? "" : " and biases of output matrices", copies);
    if (second_norms)
      reason += format(", and a second norm per block that was allocated but not used: + {}",
                       second_norms);
    return PublishedCount{parameter_count(s) + copies + second_norms, reason};
  }
  return {};
}

}  // namespace slm
