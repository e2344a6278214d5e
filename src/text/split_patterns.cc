#include "text/split_patterns.h"

#include <array>
#include <string>

#include "text/unicode.h"

namespace slm {
namespace {

constexpr std::array<CharClass, 128> kAscii = [] {
  std::array<CharClass, 128> table{};
  for (int c = 0; c < 128; ++c) {
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    bool space = c == ' ' || (c >= 9 && c <= 13);
    table[size_t(c)] = letter                 ? CharClass::kLetter
                       : c >= '0' && c <= '9' ? CharClass::kNumber
                       : space                ? CharClass::kSpace
                                              : CharClass::kOther;
  }
  return table;
}();

// A place in the text and the class of the character there. Everything that is neither letter,
// number nor space counts as kOther.
struct Cursor {
  std::string_view text;
  size_t at;
  int length = 0;
  CharClass cls = CharClass::kOther;

  Cursor(std::string_view t, size_t i) : text(t), at(i) { look(); }
  bool done() const { return at >= text.size(); }
  char byte() const { return text[at]; }
  bool is(CharClass c) const { return !done() && cls == c; }
  void next() { at += size_t(length), look(); }

  // The end of the run of characters of one class.
  size_t end_of(CharClass c) {
    while (is(c)) next();
    return at;
  }

 private:
  void look() {
    if (done()) return;
    auto b = static_cast<unsigned char>(text[at]);
    if (b < 0x80) {
      length = 1, cls = kAscii[b];
      return;
    }
    cls = char_class(decode_valid(&text[at], length));
    if (cls == CharClass::kPunctuation || cls == CharClass::kMark) cls = CharClass::kOther;
  }
};

// The length of 's 't 're 've 'm 'll 'd at `i`, or 0. Ignoring case, U+017F is an s too.
size_t contraction(std::string_view text, size_t i, bool ignore_case) {
  if (text[i] != '\'' || i + 1 == text.size()) return 0;
  auto letter = [&](size_t k) {
    char c = k < text.size() ? text[k] : '\0';
    return ignore_case && c >= 'A' && c <= 'Z' ? char(c + 32) : c;
  };
  char a = letter(i + 1), b = letter(i + 2);
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return 2;
  if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return 3;
  return ignore_case && text.substr(i + 1).starts_with("\xC5\xBF") ? 3 : 0;
}

// \s+(?!\S)|\s+ : a run of white space leaves its last character to the word that follows.
size_t white_space(std::string_view text, size_t begin) {
  Cursor c(text, begin);
  size_t last = begin;
  while (c.is(CharClass::kSpace)) last = c.at, c.next();
  return c.done() || last == begin ? c.at : last;
}

size_t next_gpt2(std::string_view text, size_t begin) {
  if (size_t n = contraction(text, begin, false)) return begin + n;
  Cursor c(text, begin);
  if (c.byte() == ' ' && begin + 1 < text.size()) c.next();
  if (c.cls != CharClass::kSpace) return c.end_of(c.cls);
  return white_space(text, begin);
}

bool is_line_end(char c) { return c == '\r' || c == '\n'; }

// \s*[\r\n]+ : up to the last line end in a run of white space; `begin` if there is none.
size_t through_line_end(std::string_view text, size_t begin) {
  size_t end = begin;
  for (Cursor c(text, begin); c.is(CharClass::kSpace); c.next()) {
    if (is_line_end(c.byte())) end = c.at + 1;
  }
  return end;
}

size_t next_cl100k(std::string_view text, size_t begin, int max_digits) {
  if (size_t n = contraction(text, begin, true)) return begin + n;
  Cursor c(text, begin);
  if (c.is(CharClass::kLetter)) return c.end_of(CharClass::kLetter);
  if (c.is(CharClass::kNumber)) {
    for (int i = 0; i < max_digits && c.is(CharClass::kNumber); ++i) c.next();
    return c.at;
  }
  if (!is_line_end(c.byte())) {
    Cursor word = c;
    word.next();
    if (word.is(CharClass::kLetter)) return word.end_of(CharClass::kLetter);
  }
  if (c.byte() == ' ' && begin + 1 < text.size()) c.next();
  if (c.is(CharClass::kOther)) {
    size_t end = c.end_of(CharClass::kOther);
    while (end < text.size() && is_line_end(text[end])) ++end;
    return end;
  }
  size_t line_end = through_line_end(text, begin);
  return line_end > begin ? line_end : white_space(text, begin);
}

// The first stretch of characters that satisfy the predicate, at most `most` of them.
template <class Predicate>
Match find_run(std::string_view text, size_t begin, size_t most, Predicate accept) {
  size_t from = begin, to = begin, count = 0;
  while (to < text.size() && count < most) {
    int length;
    if (accept(decode_valid(&text[to], length))) {
      ++count;
    } else if (count > 0) {
      break;
    } else {
      from = to + size_t(length);
    }
    to += size_t(length);
  }
  return count > 0 ? Match{from, to} : Match{text.size(), text.size()};
}

bool is_punctuation(char32_t c) {
  constexpr std::u32string_view kAsciiSymbols = U"$+<=>^~|`";
  return char_class(c) == CharClass::kPunctuation ||
         kAsciiSymbols.find(c) != std::u32string_view::npos;
}

bool is_number(char32_t c) { return char_class(c) == CharClass::kNumber; }

constexpr size_t kAny = SIZE_MAX;

}  // namespace

Match match_gpt2(std::string_view text, size_t begin) { return {begin, next_gpt2(text, begin)}; }

Match match_single_digits(std::string_view text, size_t begin) {
  return {begin, next_cl100k(text, begin, 1)};
}

Match match_triple_digits(std::string_view text, size_t begin) {
  return {begin, next_cl100k(text, begin, 3)};
}

Match match_digit(std::string_view text, size_t begin) {
  return find_run(text, begin, 1, is_number);
}

Match match_digits(std::string_view text, size_t begin) {
  return find_run(text, begin, kAny, is_number);
}

Match match_three_ascii_digits(std::string_view text, size_t begin) {
  size_t run = 0;
  for (size_t i = begin; i < text.size(); ++i) {
    run = text[i] >= '0' && text[i] <= '9' ? run + 1 : 0;
    if (run == 3) return {i - 2, i + 1};
  }
  return {text.size(), text.size()};
}

Match match_punctuation(std::string_view text, size_t begin) {
  return find_run(text, begin, 1, is_punctuation);
}

Match match_punctuation_run(std::string_view text, size_t begin) {
  return find_run(text, begin, kAny, is_punctuation);
}

Match match_bloom_word(std::string_view text, size_t begin) {
  Match run = find_run(text, begin, kAny, [](char32_t c) {
    constexpr std::u32string_view kNot = U"(|.,!?\u2026\u3002\uFF0C\u3001\u0964\u06D4\u060C)";
    return char_class(c) != CharClass::kSpace && kNot.find(c) == std::u32string_view::npos;
  });
  if (run.from < run.to && run.from > begin && text[run.from - 1] == ' ') --run.from;
  return run;
}

Matcher find_matcher(std::string_view regex) {
  struct Known {
    std::string_view regex;
    Matcher matcher;
  };
  static constexpr Known kKnown[] = {
      {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", match_gpt2},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       match_single_digits},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       match_triple_digits},
      {R"([0-9][0-9][0-9])", match_three_ascii_digits},
      {R"(\p{N})", match_digit},
      {R"(\p{N}+)", match_digits},
      {" ?[^(\\s|[.,!?\u2026\u3002\uFF0C\u3001\u0964\u06D4\u060C])]+", match_bloom_word},
  };
  for (const Known& k : kKnown) {
    if (k.regex == regex) return k.matcher;
  }
  return nullptr;
}

}  // namespace slm
