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

// How a token's place is told: by rotating q and k, by a bias on the scores that falls with
// distance (ALiBi), or by a table of learned vectors added to the embedding.
enum class Positions : uint8_t { kRotary, kAlibi, kLearned };

struct DecoderSpec {
  int64_t vocab = 0, width = 0, layers = 0, heads = 0, kv_heads = 0, head_size = 0, mlp_width = 0,
          max_positions = 0;
  NormSpec norm;
  Residual residual = Residual::kSequential;
  Positions positions = Positions::kRotary;
  Rope rope;              // with kRotary
  float alibi_slope = 1;  // with kAlibi: multiplies the slopes that belong to the number of heads
  float alibi_max_bias = 8;
  int64_t position_offset = 0;  // with kLearned: position p has row p + offset of the table, which
                                // has max_positions + offset rows
  int64_t window = 0;           // a token sees this many, itself the last; 0: all before it
  float score_scale = 0;        // of q k'; 0: 1 / sqrt(head_size)
  float qkv_clip = 0;           // q, k and v are brought into -clip .. clip first; 0: not
  QkNorm qk_norm = QkNorm::kNone;
  Activation activation = Activation::kSilu;
  bool gated = true;  // the MLP has a gate: down(act(gate(x)) * up(x)), else down(act(up(x)))
  bool qkv_bias = false, out_bias = false, mlp_bias = false, head_bias = false;
  float embedding_scale = 1;     // of the embedded tokens
  bool embedding_norm = false;   // a norm between embedding and first block
  bool tied_head = false;        // logits use the embedding table
  bool normalized_head = false;  // each row of the output matrix is divided by its length
  float logit_scale = 1;         // logits = logit_scale * x w' + bias
  int64_t padding_id = -1;       // a token whose embedding does not learn; -1: none
  int64_t part = 0, parts = 1;   // of every block: one of several processes' share (model_part.h).
                                 // Heads and MLP width are then those of the part

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
//   embed.weight · positions.weight · embed_norm.{weight,bias} ·
//   blocks.N.{norm1,norm2}.{weight,bias} · blocks.N.attn.{q,k,v,out}.{weight,bias} ·
//   blocks.N.attn.{q,k}_norm.weight · blocks.N.mlp.{gate,up,down}.{weight,bias} ·
//   final_norm.{weight,bias} · head.{weight,bias}
// The biases that are added to the sum of all parts, those of out and down, belong to the first.
std::vector<ParameterSpec> parameter_specs(const DecoderSpec& spec);

}  // namespace slm
