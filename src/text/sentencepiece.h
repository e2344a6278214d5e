// What a SentencePiece BPE vocabulary consists of, whatever file it comes from, and the tokenizer
// that it makes.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/tokenizer_parts.h"

namespace slm {

inline constexpr std::string_view kSpaceMark = "\u2581";  // how pieces write a space

struct Piece {
  enum Type { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };
  std::string_view text;
  float score = 0;  // the pair that makes the piece with the highest score merges first
  int64_t type = kNormal;
};

struct SentencePieceModel {
  std::vector<Piece> pieces;  // by id
  bool byte_fallback = false;
  bool dummy_prefix = true;       // a text begins with a space
  bool collapse_spaces = true;    // of a run of spaces one is left, none at the ends of a text
  bool controls_in_text = false;  // control pieces count where a text writes them
};

// Errors start with `origin`. The frame (bos, eos) is the caller's to set.
TokenizerParts make_sentencepiece(const SentencePieceModel& model, std::string_view origin);

}  // namespace slm
