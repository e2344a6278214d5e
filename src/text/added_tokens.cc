#include "text/added_tokens.h"

#include "text/unicode.h"

namespace slm {
namespace {

bool is_space_at(std::string_view text, size_t i, int& length) {
  return char_class(decode_valid(&text[i], length)) == CharClass::kSpace;
}

size_t character_before(std::string_view text, size_t i) {
  do {
    --i;
  } while (i > 0 && (text[i] & 0xC0) == 0x80);
  return i;
}

bool is_word_at(std::string_view text, size_t i) {
  int length;
  return is_word_character(decode_valid(&text[i], length));
}

size_t pair_of(std::string_view text, size_t i) {
  return size_t(static_cast<unsigned char>(text[i])) << 8 | static_cast<unsigned char>(text[i + 1]);
}

}  // namespace

void TokenMatcher::add(std::string_view content, const AddedToken& token) {
  if (content.empty()) return;
  uint32_t node = 0;
  for (char c : content) {
    uint64_t edge = uint64_t(node) << 8 | static_cast<unsigned char>(c);
    auto [it, fresh] = children_.try_emplace(edge, uint32_t(ends_.size()));
    if (fresh) ends_.push_back(nullptr);
    node = it->second;
  }
  ends_[node] = &token;
  if (content.size() > 1) {
    first_two_.set(pair_of(content, 0));
  } else {
    size_t lead = size_t(static_cast<unsigned char>(content[0])) << 8;
    for (size_t second = 0; second < 256; ++second) first_two_.set(lead | second);
  }
}

bool TokenMatcher::may_begin(std::string_view text, size_t i) const {
  return i + 1 == text.size() || first_two_[pair_of(text, i)];
}

bool TokenMatcher::fits(std::string_view text, size_t from, size_t to,
                        const AddedToken& token) const {
  if (!token.single_word) return true;
  return (from == 0 || !is_word_at(text, character_before(text, from))) &&
         (to == text.size() || !is_word_at(text, to));
}

TokenMatcher::Found TokenMatcher::find(std::string_view text, size_t begin,
                                       bool parse_special) const {
  if (children_.empty()) return {};
  for (size_t i = begin; i < text.size(); ++i) {
    if (!may_begin(text, i)) continue;
    Found found;
    uint32_t node = 0;
    for (size_t k = i; k < text.size(); ++k) {
      auto it = children_.find(uint64_t(node) << 8 | static_cast<unsigned char>(text[k]));
      if (it == children_.end()) break;
      node = it->second;
      const AddedToken* t = ends_[node];
      if (t && (parse_special || !t->special) && fits(text, i, k + 1, *t)) found = {t, i, k + 1};
    }
    if (!found.token) continue;
    int length;
    if (found.token->lstrip) {
      for (size_t p; found.from > begin &&
                     is_space_at(text, p = character_before(text, found.from), length);) {
        found.from = p;
      }
    }
    if (found.token->rstrip) {
      while (found.to < text.size() && is_space_at(text, found.to, length)) {
        found.to += size_t(length);
      }
    }
    return found;
  }
  return {};
}

}  // namespace slm
