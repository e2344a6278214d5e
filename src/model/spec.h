// What a decoder is, by axes. No family names: a family file (families/) turns a config.json into
// one of these.
#pragma once

#include <cstdint>
#include <vector>

#include "core/layer_spec.h"
#include "core/parameters.h"

namespace slm {

// sequential:       h = x + attn(n1(x));  y = h + mlp(n2(h))
// parallel:         y = x + attn(n1(x)) + mlp(n2(x))
// parallel shared:  y = x + attn(n1(x)) + mlp(n1(x))
enum class Residual : uint8_t { kSequential, kParallel, kParallelShared };

// A norm over each head of q and k before the rotation, without bias, each head with its own
// weights.
enum class QkNorm : uint8_t { kNone, kPerHead };

struct DecoderSpec {
  int64_t vocab = 0, width = 0, layers = 0, heads = 0, kv_heads = 0, head_size = 0, mlp_width = 0,
          max_positions = 0;
  NormSpec norm;
  Residual residual = Residual::kSequential;
  Rope rope;
  QkNorm qk_norm = QkNorm::kNone;
  Activation activation = Activation::kSilu;
  bool gated = true;  // the MLP has a gate: down(act(gate(x)) * up(x)), else down(act(up(x)))
  bool qkv_bias = false, out_bias = false, mlp_bias = false;
  bool tied_head = false;   // logits use the embedding table
  int64_t padding_id = -1;  // a token whose embedding does not learn; -1: none

  friend bool operator==(const DecoderSpec&, const DecoderSpec&) = default;
};

// The largest sizes accepted: far above any published model, and small enough that a parameter
// count and a number of bytes always fit in 63 bits, and a list of names in memory.
inline constexpr int64_t kMaxVocab = int64_t{1} << 24, kMaxWidth = int64_t{1} << 20,
                         kMaxLayers = 4096, kMaxPositions = int64_t{1} << 30;

// Refuses, in a sentence, sizes that are absurd or do not fit together and combinations that no
// test covers.
void validate(const DecoderSpec& spec);

// Every parameter such a decoder has, in layer order, under canonical names:
//   embed.weight · blocks.N.{norm1,norm2}.{weight,bias} · blocks.N.attn.{q,k,v,out}.{weight,bias} ·
//   blocks.N.attn.{q,k}_norm.weight · blocks.N.mlp.{gate,up,down}.{weight,bias} ·
//   final_norm.{weight,bias} · head.weight
std::vector<ParameterSpec> parameter_specs(const DecoderSpec& spec);

}  // namespace slm
