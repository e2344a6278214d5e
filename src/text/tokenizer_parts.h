// What a tokenizer is made of. The loaders fill it in; Tokenizer works with it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/added_tokens.h"
#include "text/bpe_model.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/vocabulary.h"

namespace slm {

// What becomes of a space at the beginning of decoded text; kDropAll takes one from each token
// until there is other text.
enum class LeadingSpace { kKeep, kDropOne, kDropAll };

struct TokenizerParts {
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  BpeModel model;
  AddedTokens added;

  TokenTexts texts;  // what each token of the model decodes to
  LeadingSpace leading_space = LeadingSpace::kKeep;
  InvalidBytes invalid_bytes = InvalidBytes::kLongestPrefix;

  std::vector<float> scores;  // of each piece of a SentencePiece model, else empty

  std::string bos, eos, pad;  // contents; empty when there is none
  bool adds_bos = false, adds_eos = false;
  std::string chat_template;

  // Adds a token that decodes to its content; one with the same id replaces the model's text.
  // `origin` starts the error for an id out of range or a content that is empty or too long.
  void add(AddedToken token, std::string_view origin);
};

// The readers of each format. Errors start with `origin`, the name of a file.
TokenizerParts read_tokenizer_json(std::string_view json, std::string_view origin);
TokenizerParts read_sentencepiece(std::string_view model, std::string_view origin);
TokenizerParts read_tiktoken(std::string_view ranks, std::string_view origin);
// The special tokens of the published rank files (Arcade100k, Qwen), told by their length; else
// none.
void add_known_special_tokens(TokenizerParts& parts);
TokenizerParts read_vocab_and_merges(std::string_view vocab_json, std::string_view merges_txt,
                                     std::string_view origin);

}  // namespace slm
