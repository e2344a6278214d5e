#include "eval/python_text.h"

#include <utf8proc.h>

#include <algorithm>

#include "text/unicode.h"

namespace slm {

bool is_python_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

int64_t code_points(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

std::string_view strip_right(std::string_view text) {
  while (!text.empty()) {
    size_t start = text.size() - 1;
    while (start > 0 && (text[start] & 0xC0) == 0x80) --start;
    if (!is_python_space(decode_utf8(text.substr(start)).c)) break;
    text = text.substr(0, start);
  }
  return text;
}

std::string_view strip(std::string_view text) {
  while (!text.empty()) {
    Decoded first = decode_utf8(text);
    if (!is_python_space(first.c)) break;
    text.remove_prefix(size_t(first.length));
  }
  return strip_right(text);
}

std::string capitalize(std::string_view text) {
  std::string out;
  for (bool first = true; !text.empty(); first = false) {
    Decoded d = decode_utf8(text);
    auto c = utf8proc_int32_t(d.c);
    append_utf8(out, char32_t(first ? utf8proc_totitle(c) : utf8proc_tolower(c)));
    text.remove_prefix(size_t(d.length));
  }
  return out;
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  for (size_t at; (at = text.find(from)) != text.npos; text.remove_prefix(at + from.size())) {
    out += text.substr(0, at);
    out += to;
  }
  return out += text;
}

}  // namespace slm
