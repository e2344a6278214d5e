// UTF-8, Unicode character classes and normalisation forms, as far as tokenizers need them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace slm {

// Classes of the split patterns: \p{L}, \p{N}, \s (White_Space), \p{P}, and marks, all else.
enum class CharClass : uint8_t { kOther, kLetter, kNumber, kSpace, kPunctuation, kMark };
CharClass char_class(char32_t c);
bool is_word_character(char32_t c);  // \w

// One character and its length in bytes. `text` is not empty; bytes that are not UTF-8 give U+FFFD
// for the longest prefix of a character (at least one byte), as the Unicode standard recommends.
struct Decoded {
  char32_t c;
  int length;
  bool valid;
  bool incomplete;  // only because the text ends here
};
Decoded decode_utf8(std::string_view text);

// The same for text that is known to be valid.
inline char32_t decode_valid(const char* p, int& length) {
  auto b = reinterpret_cast<const unsigned char*>(p);
  if (b[0] < 0x80) return length = 1, b[0];
  if (b[0] < 0xE0) return length = 2, char32_t((b[0] & 0x1F) << 6 | (b[1] & 0x3F));
  if (b[0] < 0xF0) {
    return length = 3, char32_t((b[0] & 0x0F) << 12 | (b[1] & 0x3F) << 6 | (b[2] & 0x3F));
  }
  return length = 4,
         char32_t((b[0] & 0x07) << 18 | (b[1] & 0x3F) << 12 | (b[2] & 0x3F) << 6 | (b[3] & 0x3F));
}

void append_utf8(std::string& out, char32_t c);
bool is_valid_utf8(std::string_view text);

inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

enum class InvalidBytes { kLongestPrefix, kEachByte };  // how many U+FFFD for bytes that fail
std::string replace_invalid_utf8(std::string_view text,
                                 InvalidBytes unit = InvalidBytes::kLongestPrefix);

enum class NormalForm { kNfc, kNfd, kNfkc, kNfkd };
// Of valid UTF-8. NFC of text that has it already costs one pass over the bytes.
std::string normalize(std::string_view text, NormalForm form);

std::string to_lower(std::string_view text);  // of valid UTF-8, character by character

}  // namespace slm
