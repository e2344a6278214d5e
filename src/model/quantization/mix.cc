#include "model/quantization/mix.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "util/error.h"
#include "util/nearest_name.h"

namespace slm {
namespace {

using enum DType;

constexpr QuantizationMix plain_mix(std::string_view name, uint32_t file_type, DType base,
                                    DType head) {
  return {name, file_type, base, head, base, base, base, 0, 0};
}

// file_type: llama.cpp's llama_ftype.
constexpr QuantizationMix kMixes[] = {
    plain_mix("q4_0", 2, kQ4_0, kQ6_K),
    plain_mix("q4_1", 3, kQ4_1, kQ6_K),
    plain_mix("q5_0", 8, kQ5_0, kQ6_K),
    plain_mix("q5_1", 9, kQ5_1, kQ6_K),
    plain_mix("q8_0", 7, kQ8_0, kQ8_0),
    {.name = "q4_k_s",
     .file_type = 14,
     .base = kQ4_K,
     .head = kQ6_K,
     .fused_qkv = kQ4_K,
     .chosen = kQ4_K,
     .first = kQ5_K,
     .first_values = 4,
     .first_down_part = 8},
    {.name = "q4_k_m",
     .file_type = 15,
     .base = kQ4_K,
     .head = kQ6_K,
     .fused_qkv = kQ5_K,
     .chosen = kQ6_K,
     .first = kQ6_K,
     .first_values = 0,
     .first_down_part = 0},
    plain_mix("q5_k_s", 16, kQ5_K, kQ6_K),
    {.name = "q5_k_m",
     .file_type = 17,
     .base = kQ5_K,
     .head = kQ6_K,
     .fused_qkv = kQ6_K,
     .chosen = kQ6_K,
     .first = kQ6_K,
     .first_values = 0,
     .first_down_part = 0},
    plain_mix("q6_k", 18, kQ6_K, kQ6_K),
};

// The next best format when blocks do not fit the rows.
constexpr std::pair<DType, DType> kFallbacks[] = {{kQ4_K, kQ5_0}, {kQ5_K, kQ5_1}, {kQ6_K, kQ8_0}};

DType that_fits(DType type, int64_t row_length) {
  for (auto [wide, narrow] : kFallbacks)
    if (type == wide && row_length % traits(type).block_elems != 0) type = narrow;
  return row_length % traits(type).block_elems == 0 ? type : kF16;
}

bool loses_most(int64_t layer, int64_t layers) {
  int64_t eighth = layers / 8;
  return layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
}

DType of_values(const QuantizationMix& mix, const MatrixPlace& place) {
  if (place.layer < mix.first_values) return mix.first;
  return loses_most(place.layer, place.layers) ? mix.chosen : mix.base;
}

DType of_down(const QuantizationMix& mix, const MatrixPlace& place) {
  if (mix.first_down_part && place.layer < place.layers / mix.first_down_part) return mix.first;
  return loses_most(place.layer, place.layers) ? mix.chosen : mix.base;
}

DType of_embedding(const QuantizationMix& mix, const MatrixPlace& place) {
  return place.tied_head ? mix.head : mix.base;
}

DType of_fused_qkv(const QuantizationMix& mix, const MatrixPlace&) { return mix.fused_qkv; }

// By the end of the name; every other matrix has the base format.
struct Rule {
  std::string_view ending;
  DType (*type)(const QuantizationMix&, const MatrixPlace&);
};
constexpr Rule kRules[] = {
    {".attn_v.weight", of_values},
    {".ffn_down.weight", of_down},
    {".attn_qkv.weight", of_fused_qkv},
    {"token_embd.weight", of_embedding},
};

}  // namespace

std::span<const QuantizationMix> quantization_mixes() { return kMixes; }

std::string quantization_mix_names() {
  std::string names;
  for (const QuantizationMix& mix : kMixes)
    names += (names.empty() ? "" : ", ") + std::string(mix.name);
  return names;
}

const QuantizationMix& quantization_mix(std::string_view asked) {
  std::string name(asked);  // "Q4_K_M" is how llama.cpp writes it
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return char(std::tolower(c)); });
  for (const QuantizationMix& mix : kMixes)
    if (mix.name == name) return mix;
  std::vector<std::string_view> names;
  for (const QuantizationMix& mix : kMixes) names.push_back(mix.name);
  std::string nearest = nearest_name(name, names);
  fail(ErrorKind::kInvalid, "no quantisation is called \"{}\"{}: expected one of {}", asked,
       nearest.empty() ? "" : format(", did you mean {}", nearest), quantization_mix_names());
}

DType type_in_mix(const QuantizationMix& mix, const MatrixPlace& place) {
  DType type = place.name == "output.weight" ? mix.head : mix.base;
  for (const Rule& rule : kRules)
    if (place.name.ends_with(rule.ending)) type = rule.type(mix, place);
  return that_fits(type, place.row_length);
}

}  // namespace slm
