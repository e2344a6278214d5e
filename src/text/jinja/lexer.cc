#include "text/jinja/lexer.h"

#include <algorithm>
#include <charconv>

#include "text/unicode.h"
#include "util/error.h"

namespace slm::jinja {
namespace {

constexpr std::string_view kSpace = " \t\n\r\f\v";

bool is_space(char c) { return kSpace.find(c) != std::string_view::npos; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || (c & 0x80);
}

// Line ends as \n, without the one at the end of the file.
std::string prepare(std::string_view source) {
  check_data(is_valid_utf8(source), "line 1: the template is not UTF-8");
  std::string text;
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r' && source.substr(i + 1).starts_with('\n')) continue;
    text += source[i] == '\r' ? '\n' : source[i];
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : owned_(prepare(source)), source_(owned_) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) plain_text();
    push(Token::kEnd);
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void error(std::string_view what) const {
    fail(ErrorKind::kCorrupt, "line {}: {}", line_, what);
  }
  bool ahead(std::string_view text) const { return source_.substr(at_).starts_with(text); }

  void advance(size_t n) {
    line_ += int(
        std::count(source_.begin() + ptrdiff_t(at_), source_.begin() + ptrdiff_t(at_ + n), '\n'));
    at_ += n;
  }
  void skip_space() {
    while (at_ < source_.size() && is_space(source_[at_])) advance(1);
  }

  Token& push(Token::Kind kind, std::string text = {}) {
    tokens_.push_back({.kind = kind, .text = std::move(text), .line = line_});
    return tokens_.back();
  }

  // Text up to the next tag, then that tag.
  void plain_text() {
    size_t begin = at_, tag = at_;
    while ((tag = source_.find('{', tag)) != std::string_view::npos) {
      char next = tag + 1 < source_.size() ? source_[tag + 1] : '\0';
      if (next == '{' || next == '%' || next == '#') break;
      ++tag;
    }
    tag = std::min(tag, source_.size());
    std::string_view text = source_.substr(begin, tag - begin);
    char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    bool prints = source_.substr(tag).starts_with("{{");
    if (tag < source_.size()) text = without_indent(text, sign, prints);
    if (!text.empty()) push(Token::kText, std::string(text));
    advance(tag - begin);
    if (at_ == source_.size()) return;
    char kind = source_[at_ + 1];
    advance(sign == '-' || (sign == '+' && kind != '{') ? 3 : 2);
    if (kind == '#') return comment();
    if (kind == '{') return expression(Token::kPrintBegin, Token::kPrintEnd, "}}");
    if (raw()) return;
    expression(Token::kBlockBegin, Token::kBlockEnd, "%}");
  }

  // What is left of the text before a tag: "-" takes all white space; a block alone on its line
  // takes its indentation, unless it says "+".
  std::string_view without_indent(std::string_view text, char sign, bool prints) const {
    if (sign == '-') return text.substr(0, text.find_last_not_of(kSpace) + 1);
    if (sign == '+' || prints) return text;
    size_t line = text.rfind('\n') + 1;
    if (line == 0 && !line_start_) return text;
    bool blank = std::ranges::all_of(text.substr(line), is_space);
    return blank ? text.substr(0, line) : text;
  }

  // The end of a tag: "-" takes all white space after it; a block takes one line end.
  bool tag_end(std::string_view close) {
    bool block = close != "}}";
    bool minus = ahead("-" + std::string(close)), plus = block && ahead("+" + std::string(close));
    if (!minus && !plus && !ahead(close)) return false;
    advance(close.size() + (minus || plus));
    size_t before = at_;
    if (minus) {
      skip_space();
    } else if (!plus && block && ahead("\n")) {
      advance(1);
    }
    line_start_ = at_ > before && source_[at_ - 1] == '\n';
    return true;
  }

  void comment() {
    size_t end = source_.find("#}", at_);
    if (end == std::string_view::npos) error("a comment {# without #}");
    bool sign = end > at_ && (source_[end - 1] == '-' || source_[end - 1] == '+');
    advance(end - at_ - sign);
    tag_end("#}");
  }

  // {% raw %} ... {% endraw %}
  bool raw() {
    size_t start = source_.find_first_not_of(kSpace, at_);
    if (start == std::string_view::npos || !source_.substr(start).starts_with("raw")) return false;
    size_t end = source_.find_first_not_of(kSpace, start + 3);
    if (end == std::string_view::npos) return false;
    std::string_view rest = source_.substr(end);
    bool minus = rest.starts_with("-%}");
    if (!minus && !rest.starts_with("%}")) return false;
    advance(end + (minus ? 3 : 2) - at_);
    if (minus) skip_space();
    line_start_ = false;
    for (size_t tag = at_; (tag = source_.find("{%", tag)) != std::string_view::npos; ++tag) {
      size_t word = tag + 2;
      char sign = word < source_.size() ? source_[word] : '\0';
      word = source_.find_first_not_of(kSpace, word + (sign == '-' || sign == '+'));
      if (word == std::string_view::npos || !source_.substr(word).starts_with("endraw")) continue;
      std::string_view text = without_indent(source_.substr(at_, tag - at_), sign, false);
      if (!text.empty()) push(Token::kText, std::string(text));
      advance(word + 6 - at_);
      skip_space();
      if (!tag_end("%}")) error("expected %} after endraw");
      return true;
    }
    error("{% raw %} without {% endraw %}");
  }

  void expression(Token::Kind begin, Token::Kind end, std::string_view close) {
    line_start_ = false;
    push(begin);
    std::string brackets;
    for (;;) {
      if (brackets.empty() && tag_end(close)) break;
      if (at_ == source_.size()) error(format("a tag without {}", close));
      token(brackets);
    }
    push(end);
  }

  void token(std::string& brackets) {
    char c = source_[at_];
    if (is_space(c)) return advance(1);
    if (c == '"' || c == '\'') return string(c);
    if (is_digit(c)) return number();
    if (is_name(c)) {
      size_t end = at_;
      while (end < source_.size() && is_name(source_[end])) ++end;
      push(Token::kName, std::string(source_.substr(at_, end - at_)));
      return advance(end - at_);
    }
    for (std::string_view two : {"//", "**", "==", "!=", ">=", "<="}) {
      if (ahead(two)) return push(Token::kOperator, std::string(two)), advance(2);
    }
    if (std::string_view("+-*/%~[](){}<>=.:|,").find(c) == std::string_view::npos) {
      error(format("\"{}\" has no meaning in a tag",
                   decode_utf8(source_.substr(at_)).valid ? std::string(1, c) : std::string("?")));
    }
    bracket(c, brackets);
    push(Token::kOperator, std::string(1, c));
    advance(1);
  }

  // Keeps the closing brackets that are due: "}}" ends a tag only outside of them.
  void bracket(char c, std::string& brackets) const {
    constexpr std::string_view kOpen = "([{", kClose = ")]}";
    if (size_t i = kOpen.find(c); i != std::string_view::npos) {
      brackets += kClose[i];
    } else if (kClose.find(c) != std::string_view::npos) {
      if (brackets.empty() || brackets.back() != c) error(format("\"{}\" closes nothing", c));
      brackets.pop_back();
    }
  }

  void number() {
    size_t end = at_;
    bool real = false;
    auto digits = [&] {
      while (end < source_.size() && (is_digit(source_[end]) || source_[end] == '_')) ++end;
    };
    auto digit_at = [&](size_t i) { return i < source_.size() && is_digit(source_[i]); };
    digits();
    bool member = at_ > 0 && source_[at_ - 1] == '.';  // list.0.1
    if (!member && end < source_.size() && source_[end] == '.' && digit_at(end + 1)) {
      real = true, ++end;
      digits();
    }
    if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
      size_t sign = end + 1 < source_.size() &&
                    std::string_view("+-").find(source_[end + 1]) != std::string_view::npos;
      if (digit_at(end + 1 + sign)) {
        real = true, end += 1 + sign;
        digits();
      }
    }
    std::string text(source_.substr(at_, end - at_));
    std::erase(text, '_');
    Token& t = push(real ? Token::kFloat : Token::kInteger);
    const char* last = text.data() + text.size();
    auto result = real ? std::from_chars(text.data(), last, t.number)
                       : std::from_chars(text.data(), last, t.integer);
    if (result.ec != std::errc() || result.ptr != last) error(format("the number {}", text));
    advance(end - at_);
  }

  void string(char quote) {
    std::string value;
    size_t i = at_ + 1;
    for (;; ++i) {
      if (i >= source_.size()) error("a string without its closing quote");
      if (source_[i] == quote) break;
      if (source_[i] != '\\') {
        value += source_[i];
      } else if (++i < source_.size()) {
        i = escape(i, value);
      }
    }
    push(Token::kString, replace_invalid_utf8(value));
    advance(i + 1 - at_);
  }

  // Appends what stands after a backslash at i - 1; returns its last place.
  size_t escape(size_t i, std::string& value) const {
    constexpr std::string_view kFrom = "nrtbfav0\\'\"", kTo{"\n\r\t\b\f\a\v\0\\'\"", 11};
    char c = source_[i];
    size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits > 0) {
      uint32_t code = 0;
      std::string_view hex = source_.substr(i + 1).substr(0, digits);
      auto [end, ec] = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
      bool ok = hex.size() == digits && ec == std::errc() && end == hex.data() + digits &&
                code < 0x110000 && (code < 0xD800 || code > 0xDFFF);
      if (!ok) error("a string has a broken escape");
      append_utf8(value, code);
      return i + digits;
    }
    if (c == '\n') return i;
    size_t known = kFrom.find(c);
    if (known == std::string_view::npos) value += '\\';
    value += known == std::string_view::npos ? c : kTo[known];
    return i;
  }

  std::string owned_;
  std::string_view source_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_start_ = true;  // a line begins where the text begins
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace slm::jinja
