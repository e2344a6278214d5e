#include "text/unicode.h"

#include <gtest/gtest.h>
#include <utf8proc.h>

#include <chrono>
#include <cstdlib>

#include "util/rng.h"

namespace slm {
namespace {

TEST(Unicode, ClassesFollowTheStandard) {
  EXPECT_EQ(char_class(U'a'), CharClass::kLetter);
  EXPECT_EQ(char_class(U'日'), CharClass::kLetter);
  EXPECT_EQ(char_class(U'½'), CharClass::kNumber);
  EXPECT_EQ(char_class(U'Ⅷ'), CharClass::kNumber);
  EXPECT_EQ(char_class(0x0301), CharClass::kMark);
  EXPECT_EQ(char_class(U'—'), CharClass::kPunctuation);
  EXPECT_EQ(char_class(U'$'), CharClass::kOther);
  EXPECT_EQ(char_class(0x10FFFF), CharClass::kOther);
  for (char32_t c : {0x09, 0x0D, 0x20, 0x85, 0xA0, 0x2003, 0x2028, 0x3000}) {
    EXPECT_EQ(char_class(c), CharClass::kSpace) << uint32_t(c);
  }
  for (char32_t c : {0x1C, 0x180E, 0x200B, 0xFEFF})
    EXPECT_NE(char_class(c), CharClass::kSpace) << uint32_t(c);
}

TEST(Unicode, InvalidBytesAreReplaced) {
  EXPECT_EQ(replace_invalid_utf8("a\xFF"
                                 "b"),
            "a\uFFFDb");
  EXPECT_EQ(replace_invalid_utf8("\xE2\x82"), "\uFFFD");  // the beginning of a character
  EXPECT_EQ(replace_invalid_utf8("\xE2\x82z"), "\uFFFDz");
  EXPECT_EQ(replace_invalid_utf8("\xC0\x80"), "\uFFFD\uFFFD");            // a long form
  EXPECT_EQ(replace_invalid_utf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");  // a surrogate
  EXPECT_EQ(replace_invalid_utf8("\xF5\x80"), "\uFFFD\uFFFD");
  EXPECT_EQ(replace_invalid_utf8("\xE2\x82", InvalidBytes::kEachByte), "\uFFFD\uFFFD");
}

TEST(Unicode, ReplacedTextIsValid) {
  Rng rng(1);
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (uint32_t n = rng.next_u32() % 12; n-- > 0;) {
      constexpr unsigned char kBytes[] = {'a',  0x80, 0xBF, 0xC3, 0xE0,
                                          0xE2, 0xED, 0xF0, 0xF4, 0xFF};
      text += char(kBytes[rng.next_u32() % sizeof kBytes]);
    }
    std::string fixed = replace_invalid_utf8(text);
    EXPECT_TRUE(is_valid_utf8(fixed));
    EXPECT_EQ(fixed == text, is_valid_utf8(text));
  }
}

std::string nfc_of_all(const std::string& text) {
  auto* mapped = utf8proc_NFC(reinterpret_cast<const utf8proc_uint8_t*>(text.c_str()));
  std::string out(reinterpret_cast<char*>(mapped));
  std::free(mapped);
  return out;
}

TEST(Unicode, NfcInStretchesIsNfcOfTheWhole) {
  const char32_t alphabet[] = {U'a',  U'e',  U' ',   U'é',  U'ạ',    U'日', 0x301,  0x323, 0x302,
                               0x344, U'Å',  0x212B, U'ᄀ', U'ᅡ',   U'ᆨ', U'가',  U'ั',   0x9C7,
                               0x9BE, U'か', 0x3099, U'ﬁ',  U'🙂', U'“',  0x0340, 0xFA10};
  Rng rng(2);
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (uint32_t n = rng.next_u32() % 9; n-- > 0;) {
      append_utf8(text, alphabet[rng.next_u32() % std::size(alphabet)]);
    }
    ASSERT_EQ(normalize(text, NormalForm::kNfc), nfc_of_all(text)) << text;
  }
}

TEST(Unicode, NormalForms) {
  EXPECT_EQ(normalize("e\u0301\uFB01", NormalForm::kNfc), "\u00e9\uFB01");
  EXPECT_EQ(normalize("\u00e9", NormalForm::kNfd), "e\u0301");
  EXPECT_EQ(normalize("e\u0301\uFB01", NormalForm::kNfkc), "\u00e9fi");
  EXPECT_EQ(normalize("\u00e9\uFB01", NormalForm::kNfkd), "e\u0301fi");
  EXPECT_EQ(to_lower("ÉCOLE 1"), "école 1");
}

TEST(Unicode, AMillionMarksDoNotTakeForever) {
  std::string text = "a";
  for (int i = 0; i < 500000; ++i) text += "\u0301\u0323";  // in the wrong order
  auto start = std::chrono::steady_clock::now();
  std::string normal = normalize(text, NormalForm::kNfc);
  EXPECT_TRUE(normal.starts_with("\u1EA1\u0323\u0323"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

}  // namespace
}  // namespace slm
