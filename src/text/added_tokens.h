// Tokens that are found in the text before the model sees it: special tokens and other units that
// are never split.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace slm {

struct AddedToken {
  int32_t id = -1;
  std::string content;
  bool special = false;
  bool normalized = false;              // looked for after normalisation
  bool single_word = false;             // not beside a letter, number, mark or underscore
  bool lstrip = false, rstrip = false;  // takes the white space on that side with it
  bool in_normal_form = false;  // the content needs no normalisation before it is looked for
  bool in_text = true;          // false: not looked for in texts, only in trusted parts
};

// Finds the tokens of one kind: leftmost first, of those the longest.
class TokenMatcher {
 public:
  void add(std::string_view content, const AddedToken& token);

  struct Found {
    const AddedToken* token = nullptr;  // null: none
    size_t from = 0, to = 0;            // bytes, with stripped white space
  };
  // Looks in text[begin..). `token` stays valid as long as the AddedTokens do.
  Found find(std::string_view text, size_t begin, bool parse_special) const;

  // Calls on_text(piece, begins_text) and on_token(id) in order.
  template <class OnText, class OnToken>
  void split(std::string_view text, bool parse_special, OnText&& on_text,
             OnToken&& on_token) const {
    size_t at = 0;
    while (at < text.size()) {
      Found f = find(text, at, parse_special);
      size_t end = f.token ? f.from : text.size();
      if (end > at) on_text(text.substr(at, end - at), at == 0);
      if (!f.token) return;
      on_token(f.token->id);
      at = f.to;
    }
  }

 private:
  bool fits(std::string_view text, size_t from, size_t to, const AddedToken& token) const;
  bool may_begin(std::string_view text, size_t i) const;

  std::unordered_map<uint64_t, uint32_t> children_;  // (node, byte) -> node
  std::vector<const AddedToken*> ends_ = {nullptr};  // of each node
  std::bitset<65536> first_two_;                     // that some token begins with
};

// Owns the tokens; immutable after build(), and not copied because the matchers point into it.
class AddedTokens {
 public:
  std::vector<AddedToken> tokens;
  TokenMatcher raw, normalized;
  TokenMatcher special;  // all special tokens, in trusted text that is not normalised

  // `normalize` is applied to what normalised tokens look for.
  template <class Normalize>
  void build(Normalize&& normalize) {
    for (const AddedToken& t : tokens) {
      by_id_[t.id] = &t;
      by_content_[t.content] = &t;
      if (t.special) special.add(t.content, t);
      if (!t.in_text) continue;
      if (t.normalized) {
        normalized.add(t.in_normal_form ? t.content : normalize(t.content), t);
      } else {
        raw.add(t.content, t);
      }
    }
  }
  const AddedToken* find(int32_t id) const { return look_up(by_id_, id); }
  const AddedToken* find(std::string_view content) const { return look_up(by_content_, content); }

 private:
  template <class Map, class Key>
  static const AddedToken* look_up(const Map& map, const Key& key) {
    auto it = map.find(key);
    return it == map.end() ? nullptr : it->second;
  }
  std::unordered_map<int32_t, const AddedToken*> by_id_;
  std::unordered_map<std::string_view, const AddedToken*> by_content_;
};

}  // namespace slm
