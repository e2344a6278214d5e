// Cuts normalised text into the pieces that BPE works on one by one.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/byte_level.h"
#include "text/normalizer.h"
#include "text/split_patterns.h"

namespace slm {

struct PreTokenizer {
  struct Step {
    enum Kind { kSplit, kPrefixSpace, kMetaspace, kByteAlphabet } kind = kSplit;

    // kSplit: matches and the gaps between them are pieces of their own, or are dropped, or join
    // others: matches each other, the gap before, or the gap behind.
    Matcher matcher = nullptr;
    std::shared_ptr<const Regex> regex = nullptr;  // where there is no matcher
    bool keep_matches = true, keep_gaps = true;
    enum Join { kNone, kRuns, kBefore, kBehind } join = kNone;
    bool inverted = false;  // joins take matches for gaps and gaps for matches

    std::string replacement = {};  // kMetaspace: what stands for a space
    enum Prefix { kAlways, kFirst, kNever } prefix = kAlways;
    bool split = true;  // kMetaspace: a piece begins at each replacement

    bool operator==(const Step&) const = default;
  };
  // kByteAlphabet: the steps that follow see each byte as the character it has in the byte-level
  // alphabet, where some bytes of other characters are digits; pieces are plain text again.
  std::vector<Step> steps;

  // Calls sink(piece) for each piece in order; none is empty. `at_start`: the text begins where the
  // whole input does. A piece is valid during its call only.
  template <class Sink>
  void each_piece(std::string_view text, bool at_start, Sink&& sink, size_t step = 0,
                  bool mapped = false) const {
    if (text.empty()) return;
    if (step == steps.size()) {
      if (mapped) return sink(*bytes_from_alphabet(text));
      return sink(text);
    }
    const Step& s = steps[step];
    if (s.kind == Step::kSplit) {
      split(s, text, [&](size_t from, size_t to) {
        each_piece(text.substr(from, to - from), at_start && from == 0, sink, step + 1, mapped);
      });
    } else if (s.kind == Step::kPrefixSpace) {
      if (text.front() == ' ') return each_piece(text, at_start, sink, step + 1, mapped);
      each_piece(std::string(" ").append(text), at_start, sink, step + 1, mapped);
    } else if (s.kind == Step::kByteAlphabet) {
      each_piece(bytes_to_alphabet(text), at_start, sink, step + 1, true);
    } else {
      std::string marked = metaspace(s, text, at_start);
      for (size_t from = 0, to; from < marked.size(); from = to) {
        to = s.split ? marked.find(s.replacement, from + 1) : marked.size();
        if (to == std::string::npos) to = marked.size();
        each_piece(std::string_view(marked).substr(from, to - from), at_start && from == 0, sink,
                   step + 1, mapped);
      }
    }
  }

 private:
  static Match find(const Step& s, std::string_view text, size_t at) {
    return s.matcher ? s.matcher(text, at) : s.regex->find(text, at);
  }

  template <class Emit>
  static void split(const Step& s, std::string_view text, Emit&& emit) {
    if (s.join != Step::kNone) {
      for (const Match& m : joined(s, text)) emit(m.from, m.to);
      return;
    }
    for (size_t at = 0; at < text.size();) {
      Match m = find(s, text, at);
      if (s.keep_gaps && m.from > at) emit(at, m.from);
      if (s.keep_matches && m.to > m.from) emit(m.from, m.to);
      at = m.to;
    }
  }

  static std::vector<Match> joined(const Step& s, std::string_view text);

  static std::string metaspace(const Step& s, std::string_view text, bool at_start) {
    std::string marked = replace_all(text, {" ", s.replacement});
    bool wanted = s.prefix == Step::kAlways || (s.prefix == Step::kFirst && at_start);
    return wanted && !marked.starts_with(s.replacement) ? s.replacement + marked : marked;
  }
};

}  // namespace slm
