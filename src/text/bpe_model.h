// Byte-pair encoding of one piece of text: neighbouring symbols are merged, lowest rank first and
// leftmost on ties, until no pair merges. Symbols begin as bytes (byte-level) or as characters.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"

namespace slm {

class PieceCache;

// Immutable after prepare().
class BpeModel {
 public:
  Vocabulary vocab;
  MergeTable merges;
  bool byte_level = true;                                // symbols are bytes; otherwise characters
  bool whole_pieces_first = false;                       // a piece that is a token needs no merges
  std::array<int32_t, 256> byte_ids = filled(kNoToken);  // byte-level: the symbol of each byte;
                                                         // else the fallback of unknown characters
  int32_t unknown = kNoToken;  // for what has no symbol; kNoToken drops it
  bool fuse_unknown = false;   // one for a run of them

  // Completes merges by rule rather than by list: any two tokens whose concatenation is a token
  // merge, with the rank of that token.
  void add_all_splits(const std::vector<uint32_t>& rank_of_id);
  bool merges_by_rule() const { return by_rule_; }

  void prepare();  // call once everything is set

  // Appends the ids of a non-empty piece of valid UTF-8.
  void encode(std::string_view piece, PieceCache& cache, std::vector<int32_t>& out) const;

 private:
  static constexpr std::array<int32_t, 256> filled(int32_t value) {
    std::array<int32_t, 256> a{};
    a.fill(value);
    return a;
  }
  void encode_cached(std::string_view piece, PieceCache& cache, std::vector<int32_t>& out) const;
  size_t first_symbols(std::string_view piece, int32_t* symbols) const;
  void encode_plain(std::string_view piece, std::vector<int32_t>& out) const;
  bool may_join(char32_t left, char32_t right) const;

  bool by_rule_ = false;
  std::vector<bool> joins_;  // hashed (last character, first character) of all merges
};

}  // namespace slm
