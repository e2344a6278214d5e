#include "text/byte_level.h"

#include <array>

#include "text/unicode.h"

namespace slm {
namespace {

// Printable Latin-1 stands for itself; the other bytes, in order, for U+0100 and up.
struct Alphabet {
  std::array<char32_t, 256> character{};
  std::array<int16_t, 0x144> byte{};

  constexpr Alphabet() {
    byte.fill(-1);
    char32_t next = 0x100;
    for (int b = 0; b < 256; ++b) {
      bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
      char32_t c = printable ? char32_t(b) : next++;
      character[size_t(b)] = c;
      byte[c] = int16_t(b);
    }
  }
};
constexpr Alphabet kAlphabet;

}  // namespace

std::string bytes_to_alphabet(std::string_view bytes) {
  std::string text;
  for (char b : bytes) append_utf8(text, kAlphabet.character[static_cast<unsigned char>(b)]);
  return text;
}

std::optional<std::string> bytes_from_alphabet(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    int length;
    char32_t c = decode_valid(&text[i], length);
    if (c >= kAlphabet.byte.size() || kAlphabet.byte[c] < 0) return std::nullopt;
    bytes += char(kAlphabet.byte[c]);
    i += size_t(length);
  }
  return bytes;
}

}  // namespace slm
