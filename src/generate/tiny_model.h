// For this room's tests: a decoder with random weights and a tokenizer with one token per byte.
#pragma once

#include <memory>
#include <string>

#include "model/decoder.h"
#include "model/tiny_spec.h"
#include "text/tokenizer.h"
#include "util/json.h"
#include "util/rng.h"

namespace slm::testing {

// Values large enough that the output varies with every token before it.
inline Parameters random_parameters(const DecoderSpec& spec) {
  Parameters parameters;
  for (const ParameterSpec& p : parameter_specs(spec)) {
    Rng rng(7, hash_name(p.name));
    Tensor value = Tensor::host(p.shape, DType::kF32);
    for (float& x : value.span<float>()) x = float(rng.normal());
    parameters.add(p, value);
  }
  return parameters;
}

// The character that stands for a byte in byte-level vocabularies, as GPT-2 assigns them: printable
// bytes for themselves, the others in order from U+0100 on.
inline std::string byte_character(int byte) {
  auto printable = [](int b) { return (b > 32 && b < 127) || (b > 160 && b != 173); };
  int code = byte;
  if (!printable(byte)) {
    code = 256;
    for (int b = 0; b < byte; ++b) code += !printable(b);
  }
  if (code < 128) return std::string(1, char(code));
  return {char(0xC0 | code >> 6), char(0x80 | (code & 63))};
}

// Token b is byte b; 256 is "<|endoftext|>", 257 "<|user|>", 258 "<|assistant|>", all special.
inline std::shared_ptr<const Tokenizer> byte_tokenizer() {
  Json vocab = Json::object(), added = Json::array();
  for (int b = 0; b < 256; ++b) vocab[byte_character(b)] = b;
  int id = 256;
  for (const char* content : {"<|endoftext|>", "<|user|>", "<|assistant|>"})
    added.push_back({{"id", id++},
                     {"content", content},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  Json byte_level{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}};
  Json tokenizer{{"version", "1.0"},
                 {"added_tokens", added},
                 {"normalizer", nullptr},
                 {"pre_tokenizer", byte_level},
                 {"post_processor", nullptr},
                 {"decoder", byte_level},
                 {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", Json::array()}}}};
  return parse_tokenizer_json(tokenizer.dump(), "byte tokenizer");
}

}  // namespace slm::testing
