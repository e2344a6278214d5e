#include "text/pre_tokenizer.h"

#include <algorithm>

namespace slm {

// The pieces of a text whose matches join each other, the gap before or the gap behind.
std::vector<Match> PreTokenizer::joined(const Step& s, std::string_view text) {
  struct Part {
    Match place;
    bool match;
  };
  std::vector<Part> parts;
  for (size_t at = 0; at < text.size();) {
    Match m = find(s, text, at);
    if (m.from > at) parts.push_back({{at, m.from}, s.inverted});
    if (m.to > m.from) parts.push_back({m, !s.inverted});
    at = m.to;
  }
  // To join what is behind is to join what is before, seen from the other end.
  if (s.join == Step::kBehind) std::ranges::reverse(parts);
  std::vector<Match> out;
  for (size_t i = 0; i < parts.size(); ++i) {
    bool same = i > 0 && parts[i].match == parts[i - 1].match;
    bool joins = i > 0 && (s.join == Step::kRuns ? same : parts[i].match && !same);
    if (!joins) {
      out.push_back(parts[i].place);
      continue;
    }
    out.back().from = std::min(out.back().from, parts[i].place.from);
    out.back().to = std::max(out.back().to, parts[i].place.to);
  }
  if (s.join == Step::kBehind) std::ranges::reverse(out);
  return out;
}

}  // namespace slm
