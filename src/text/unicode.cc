#include "text/unicode.h"

#include <simdjson.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "util/error.h"

namespace slm {
namespace {

// Planes 4 and up hold no letters, numbers, punctuation or white space.
constexpr char32_t kTableSize = 0x40000;
constexpr uint8_t kNfcBoundary = 0x80;  // nothing before the character ever joins with it

bool is_white_space(char32_t c) {
  return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

CharClass classify(char32_t c, utf8proc_category_t category) {
  if (is_white_space(c)) return CharClass::kSpace;
  switch (category) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return CharClass::kLetter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return CharClass::kNumber;
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
      return CharClass::kPunctuation;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return CharClass::kMark;
    default:
      return CharClass::kOther;
  }
}

// Marks and Hangul vowels may join with what stands before; characters with a canonical
// decomposition may come out changed. All others stay what they are and end what came before.
bool is_nfc_boundary(char32_t c, const utf8proc_property_t& p, CharClass cls) {
  bool decomposes = p.decomp_seqindex != UINT16_MAX && p.decomp_type == 0;
  bool jamo = c >= 0x1100 && c <= 0x11FF;
  return !decomposes && !jamo && p.combining_class == 0 && cls != CharClass::kMark;
}

const uint8_t* class_table() {
  static const std::unique_ptr<const uint8_t[]> kTable = [] {
    auto table = std::make_unique<uint8_t[]>(kTableSize);
    for (char32_t c = 0; c < kTableSize; ++c) {
      const utf8proc_property_t& p = *utf8proc_get_property(utf8proc_int32_t(c));
      CharClass cls = classify(c, utf8proc_category_t(p.category));
      table[c] = uint8_t(cls) | (is_nfc_boundary(c, p, cls) ? kNfcBoundary : 0);
    }
    return table;
  }();
  return kTable.get();
}

int combining_class(char32_t c) {
  return utf8proc_get_property(utf8proc_int32_t(c))->combining_class;
}

// Puts every run of combining marks into canonical order. The library does this too, but by
// insertion, and a hostile text can hold a million marks in a row.
std::string sort_marks(std::string_view text) {
  std::u32string chars;
  for (size_t i = 0; i < text.size();) {
    int length;
    chars += decode_valid(&text[i], length);
    i += size_t(length);
  }
  auto is_mark = [](char32_t c) { return combining_class(c) != 0; };
  for (auto p = chars.begin(); (p = std::find_if(p, chars.end(), is_mark)) != chars.end();) {
    auto end = std::find_if_not(p, chars.end(), is_mark);
    std::stable_sort(
        p, end, [](char32_t a, char32_t b) { return combining_class(a) < combining_class(b); });
    p = end;
  }
  std::string sorted;
  for (char32_t c : chars) append_utf8(sorted, c);
  return sorted;
}

std::string map_with_utf8proc(std::string_view text, int options) {
  constexpr size_t kLong = 256;
  std::string sorted;
  if (text.size() > kLong) text = sorted = sort_marks(text);
  utf8proc_uint8_t* mapped = nullptr;
  auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                           utf8proc_ssize_t(text.size()), &mapped, utf8proc_option_t(options));
  std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, std::free);
  check(size >= 0, "[unicode] cannot normalise {} bytes of text: {}", text.size(),
        utf8proc_errmsg(size));
  return std::string(reinterpret_cast<const char*>(mapped), size_t(size));
}

bool starts_nfc_segment(char32_t c) {
  return c < 0x300 || c >= kTableSize || (class_table()[c] & kNfcBoundary);
}

// Below U+0300 (lead bytes under 0xCC) nothing needs NFC; returns the first byte that may.
size_t skip_plain(std::string_view text, size_t i) {
  constexpr uint64_t kHighBits = 0x8080808080808080;
  while (i < text.size()) {
    uint64_t word;
    if (i + 8 <= text.size() && (std::memcpy(&word, &text[i], 8), (word & kHighBits) == 0)) {
      i += 8;
    } else if (static_cast<unsigned char>(text[i]) < 0xCC) {
      ++i;
    } else {
      break;
    }
  }
  return i;
}

// Only the stretches around characters that may change are handed to the full algorithm, each from
// the last boundary before to the first one after.
std::string nfc(std::string_view text) {
  std::string out;
  size_t done = 0, i = 0;
  while ((i = skip_plain(text, i)) < text.size()) {
    int length;
    if (starts_nfc_segment(decode_valid(&text[i], length))) {
      i += size_t(length);
      continue;
    }
    size_t begin = i;
    while (begin > done && (text[begin - 1] & 0xC0) == 0x80) --begin;
    if (begin > done) --begin;
    size_t end = i + size_t(length);
    while (end < text.size() && !starts_nfc_segment(decode_valid(&text[end], length))) {
      end += size_t(length);
    }
    out.append(text, done, begin - done);
    out += map_with_utf8proc(text.substr(begin, end - begin), UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    done = i = end;
  }
  if (done == 0) return std::string(text);
  return out.append(text, done);
}

}  // namespace

CharClass char_class(char32_t c) {
  static const uint8_t* const kTable = class_table();
  return c < kTableSize ? CharClass(kTable[c] & ~kNfcBoundary) : CharClass::kOther;
}

bool is_word_character(char32_t c) {
  CharClass cls = char_class(c);
  if (cls == CharClass::kLetter || cls == CharClass::kMark) return true;
  if (c == 0x200C || c == 0x200D) return true;  // they join letters
  auto category = utf8proc_category(utf8proc_int32_t(c));
  return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL ||
         category == UTF8PROC_CATEGORY_PC;
}

Decoded decode_utf8(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true, false};
  int length = lead >= 0xC2 && lead < 0xE0   ? 2
               : lead >= 0xE0 && lead < 0xF0 ? 3
               : lead >= 0xF0 && lead < 0xF5 ? 4
                                             : 0;
  if (length == 0) return {0xFFFD, 1, false, false};
  char32_t c = lead & (0x7F >> length);
  for (int i = 1; i < length; ++i) {
    if (size_t(i) == text.size()) return {0xFFFD, i, false, true};
    unsigned char low = 0x80, high = 0xBF;  // the second byte rules out long forms and surrogates
    if (i == 1 && lead == 0xE0) low = 0xA0;
    if (i == 1 && lead == 0xED) high = 0x9F;
    if (i == 1 && lead == 0xF0) low = 0x90;
    if (i == 1 && lead == 0xF4) high = 0x8F;
    unsigned char b = byte(size_t(i));
    if (b < low || b > high) return {0xFFFD, i, false, false};
    c = c << 6 | (b & 0x3F);
  }
  return {c, length, true, false};
}

void append_utf8(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += char(c);
  } else if (c < 0x800) {
    out += {char(0xC0 | c >> 6), char(0x80 | (c & 0x3F))};
  } else if (c < 0x10000) {
    out += {char(0xE0 | c >> 12), char(0x80 | (c >> 6 & 0x3F)), char(0x80 | (c & 0x3F))};
  } else {
    out += {char(0xF0 | c >> 18), char(0x80 | (c >> 12 & 0x3F)), char(0x80 | (c >> 6 & 0x3F)),
            char(0x80 | (c & 0x3F))};
  }
}

bool is_valid_utf8(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

std::string replace_invalid_utf8(std::string_view text, InvalidBytes unit) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    Decoded d = decode_utf8(text.substr(i));
    if (d.valid) {
      out.append(text, i, size_t(d.length));
    } else {
      out += kReplacement;
    }
    i += d.valid || unit == InvalidBytes::kLongestPrefix ? size_t(d.length) : 1;
  }
  return out;
}

std::string normalize(std::string_view text, NormalForm form) {
  switch (form) {
    case NormalForm::kNfc:
      return nfc(text);
    case NormalForm::kNfd:
      return map_with_utf8proc(text, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
    case NormalForm::kNfkc:
      return map_with_utf8proc(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
    case NormalForm::kNfkd:
      break;
  }
  return map_with_utf8proc(text, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
}

std::string to_lower(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    int length;
    char32_t c = decode_valid(&text[i], length);
    append_utf8(out, char32_t(utf8proc_tolower(utf8proc_int32_t(c))));
    i += size_t(length);
  }
  return out;
}

}  // namespace slm
