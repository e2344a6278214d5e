// What the families' config readers and writers share: keys with older and newer spellings, rotary
// positions, activations, sizes within bounds. Errors name the key.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "model/spec.h"
#include "util/json.h"

namespace slm {

using Spellings = std::initializer_list<std::string_view>;

// The first spelling that is present, else the first.
std::string_view spelled(const JsonObject& config, Spellings spellings);

struct HeadKeys {
  std::string_view heads = "num_attention_heads";
  std::string_view kv_heads = {};  // empty: as many as heads
};
// vocab_size, hidden_size, num_hidden_layers, heads, max_position_embeddings and
// tie_word_embeddings, all but the last required. The heads must share the width evenly, the
// kv heads the heads.
DecoderSpec read_sizes(const JsonObject& config, const HeadKeys& keys = {});

// "pad_token_id", for families whose embedding has PyTorch's padding_idx; below zero: none.
int64_t read_padding(const JsonObject& config, int64_t vocab);
int64_t read_extent(const JsonObject& config, std::string_view key, int64_t most);
float read_epsilon(const JsonObject& config, Spellings keys, float otherwise);

// By the names of transformers' ACT2FN; the default when the key is absent.
Activation read_activation(const JsonObject& config, Activation otherwise);
std::string_view activation_name(Activation activation);

struct RopeKeys {
  Spellings fraction, theta;
  double default_fraction = 1;
};
// Reads the keys at the top level or inside "rope_parameters", and linear "rope_scaling"; refuses
// other kinds of scaling.
Rope read_rope(const JsonObject& config, int64_t head_size, const RopeKeys& keys);

// The inverses. A fraction that read_rope turns into exactly `dims`; "rope_scaling" when scaled.
double rope_fraction(const DecoderSpec& spec);
void write_rope_scaling(Json& config, const Rope& rope);
// The shortest decimal number that reads as this float: 1e-05, not 9.999999747378752e-06.
double shortest(float value);

}  // namespace slm
