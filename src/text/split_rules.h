// The rules of byte-level vocabularies by the names that GGUF files give them
// ("tokenizer.ggml.pre"): how text is normalised and cut into the pieces that BPE works on.
// Source: the names and patterns of the llama.cpp project; normalisation as the tokenizers of the
// models do it.
#pragma once

#include <string_view>

#include "text/normalizer.h"
#include "text/pre_tokenizer.h"

namespace slm {

struct SplitRules {
  std::string_view name;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  bool whole_pieces_first = false;  // a piece that is a token needs no merges
};

const SplitRules* find_split_rules(std::string_view name);  // null for an unknown name
// The first rules that do the same to every text; null when none have a name.
const SplitRules* find_split_rules(const Normalizer& normalizer, const PreTokenizer& steps);

}  // namespace slm
