// Which number format each tensor of a quantised GGUF file has. A mix gives most matrices its base
// format and the few that matter more a wider one; the rules are those of llama.cpp's quantiser for
// the same names, so that files compare.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/dtype.h"

namespace slm {

struct QuantizationMix {
  std::string_view name;  // "q4_k_m"; what --type takes
  uint32_t file_type;     // "general.file_type"
  DType base;
  DType head;       // the output matrix, and the embedding when it serves as one
  DType fused_qkv;  // attn_qkv
  DType chosen;     // attn_v and ffn_down of the layers that lose most: see type_in_mix
  // What the first values and the first down projections have.
  DType first;
  int64_t first_values;     // layers
  int64_t first_down_part;  // the first layers / this; 0: none
};

std::span<const QuantizationMix> quantization_mixes();
// Error, listing all, for another name.
const QuantizationMix& quantization_mix(std::string_view name);
std::string quantization_mix_names();  // "q4_0, q4_1, ..."

// Where a matrix stands.
struct MatrixPlace {
  std::string_view name;  // as in GGUF files: "blk.3.attn_v.weight"
  int64_t layer, layers;  // layer -1: outside the blocks
  int64_t row_length;
  bool tied_head = false;  // the model has no output matrix of its own
};

// `chosen` goes to layer i of L when i < L/8, i >= 7L/8 or (i - L/8) % 3 == 2. A format whose
// blocks do not fit the rows gives way to one of 32 (q4_k: q5_0, q5_k: q5_1, q6_k: q8_0), and that
// to f16.
DType type_in_mix(const QuantizationMix& mix, const MatrixPlace& place);

}  // namespace slm
