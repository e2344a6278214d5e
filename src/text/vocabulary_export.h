// A tokenizer as the lists that a GGUF file keeps ("tokenizer.ggml.*"), and back.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace slm {

struct PortableVocabulary {
  std::string model;                 // "gpt2": byte-level BPE; "llama": SentencePiece BPE
  std::string pre;                   // gpt2: the name of the rules that split text
  std::vector<std::string> tokens;   // by id. gpt2: in the byte-level alphabet, but added tokens as
                                     // they are; llama: a space is U+2581, a byte "<0x41>"
  std::vector<int32_t> token_types;  // 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused,
                                     // 6 byte; empty: all normal
  std::vector<std::string> merges;   // gpt2: "left right", in the alphabet, first merges first
  std::vector<float> scores;         // llama: of each token
  std::optional<int32_t> bos, eos, unknown, padding, eot;
  bool add_bos = false, add_eos = false;
  bool add_space_prefix = false;          // llama: a text begins with a space
  bool remove_extra_whitespaces = false;  // llama: of a run of spaces one is left
  std::string chat_template;
};

// The tokenizer of such lists. Not kept by them: white space taken by added tokens, and whether
// those stand alone only. `origin` starts every error message: for lists that do not fit together
// and for rules that are not known.
std::shared_ptr<const Tokenizer> make_tokenizer(const PortableVocabulary& vocabulary,
                                                std::string_view origin);

// The lists of a tokenizer for a model with `rows` embedding rows, at least tokenizer.size(); ids
// without a token are "[PAD<id>]", unused. kUnsupported when its rules have no name there. A
// tokenizer without a space between a special token and text that follows gets one, as every
// reader of such files adds it.
PortableVocabulary export_vocabulary(const Tokenizer& tokenizer, int64_t rows);

}  // namespace slm
