// What the families' config readers and writers share: keys with older and newer spellings, rotary
// positions, activations, sizes within bounds. Errors name the key.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "model/spec.h"
#include "util/json.h"

namespace slm {

using Spellings = std::initializer_list<std::string_view>;

// The first spelling that is present, else the first.
std::string_view spelled(const JsonObject& config, Spellings spellings);

// What the sizes that every family has are called.
struct SizeKeys {
  std::string_view width = "hidden_size", layers = "num_hidden_layers",
                   heads = "num_attention_heads";
  std::string_view kv_heads = {};  // empty: as many as heads
  std::string_view positions = "max_position_embeddings";
  int64_t positions_otherwise = 0;  // 0: the key is required
  bool tied_otherwise = false;      // "tie_word_embeddings" when absent
};
// vocab_size (required), those of `keys` (required but for kv_heads) and tie_word_embeddings. The
// heads must share the width evenly, the kv heads the heads.
DecoderSpec read_sizes(const JsonObject& config, const SizeKeys& keys = {});
// The inverse: a config of these keys, and pad_token_id when there is one.
Json write_sizes(const DecoderSpec& spec, std::string_view model_type,
                 std::string_view architecture, const SizeKeys& keys = {});

// "pad_token_id", for families whose embedding has PyTorch's padding_idx; below zero: none.
int64_t read_padding(const JsonObject& config, int64_t vocab);
int64_t read_extent(const JsonObject& config, std::string_view key, int64_t most);
float read_epsilon(const JsonObject& config, Spellings keys, float otherwise);

// By the names of transformers' ACT2FN; the default when the key is absent.
Activation read_activation(const JsonObject& config, Activation otherwise,
                           std::string_view key = "hidden_act");
std::string_view activation_name(Activation activation);

struct RopeKeys {
  Spellings fraction, theta;
  double default_fraction = 1;
};
// The object under a key; empty when absent.
std::optional<JsonObject> nested(const JsonObject& config, std::string_view key);
// Refuses a config whose `key` is not `only`, which is also what its absence means.
void require(const JsonObject& config, std::string_view key, bool only);

// Reads the keys at the top level or inside "rope_parameters", and linear "rope_scaling"; refuses
// other kinds of scaling.
Rope read_rope(const JsonObject& config, int64_t head_size, const RopeKeys& keys);

// The inverses. A fraction that read_rope turns into exactly `dims`; "rope_scaling" when scaled.
double rope_fraction(const DecoderSpec& spec);
void write_rope(Json& config, const DecoderSpec& spec, std::string_view fraction_key,
                std::string_view theta_key);
// The shortest decimal number that reads as this float: 1e-05, not 9.999999747378752e-06.
double shortest(float value);

}  // namespace slm
