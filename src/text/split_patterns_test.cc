// The hand-written matchers against PCRE2 running the regular expressions themselves.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/split_patterns.h"

#include <gtest/gtest.h>
#include <pcre2.h>

#include <memory>
#include <string>

#include "text/unicode.h"
#include "util/rng.h"

namespace slm {
namespace {

class Oracle {
 public:
  explicit Oracle(const std::string& regex) {
    int error;
    PCRE2_SIZE at;
    code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(regex.data()), regex.size(),
                              PCRE2_UTF | PCRE2_UCP, &error, &at, nullptr));
    data_.reset(pcre2_match_data_create(1, nullptr));
  }
  bool ok() const { return code_ != nullptr; }

  Match find(std::string_view text, size_t begin) const {
    int n = pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), begin,
                        0, data_.get(), nullptr);
    if (n < 1) return {text.size(), text.size()};
    const PCRE2_SIZE* v = pcre2_get_ovector_pointer(data_.get());
    return {v[0], v[1]};
  }

 private:
  struct Free {
    void operator()(pcre2_code* c) const { pcre2_code_free(c); }
    void operator()(pcre2_match_data* d) const { pcre2_match_data_free(d); }
  };
  std::unique_ptr<pcre2_code, Free> code_;
  std::unique_ptr<pcre2_match_data, Free> data_;
};

std::string random_text(Rng& rng) {
  static constexpr std::u32string_view kAlphabet =
      U"abzAZ''''sStTrReEvVlLmMdDſ   "
      U"\t\r\n\u0085\u00a0\u3000012٣½Ⅷé日\u0301\u0903_.,!?()|[]$+-—…。、🙂\u200b";
  std::string text;
  for (uint32_t n = rng.next_u32() % 16; n-- > 0;) {
    append_utf8(text, kAlphabet[rng.next_u32() % kAlphabet.size()]);
  }
  return text;
}

void expect_same(const std::string& regex, Matcher matcher) {
  Oracle oracle(regex);
  ASSERT_TRUE(oracle.ok()) << regex;
  Rng rng(3);
  for (int i = 0; i < 30000; ++i) {
    std::string text = random_text(rng);
    for (size_t at = 0; at < text.size();) {
      Match want = oracle.find(text, at), got = matcher(text, at);
      ASSERT_EQ(got.from, want.from) << text << " at " << at;
      ASSERT_EQ(got.to, want.to) << text << " at " << at;
      at = got.to;
    }
  }
}

TEST(SplitPatterns, KnownExpressionsMatchAsPcreDoes) {
  for (
      std::string regex :
      {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
       R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       R"([0-9][0-9][0-9])", R"(\p{N})", R"(\p{N}+)"}) {
    Matcher matcher = find_matcher(regex);
    ASSERT_NE(matcher, nullptr) << regex;
    expect_same(regex, matcher);
  }
}

TEST(SplitPatterns, BloomAndPunctuationMatchAsPcreDoes) {
  // PCRE2 has no nested classes; this is the same set in one class. The inner brackets are not of
  // it.
  expect_same(" ?[^(\\s|.,!?…。，、।۔،)]+", match_bloom_word);
  expect_same(R"([\p{P}$+<=>^~|`])", match_punctuation);
  expect_same(R"([\p{P}$+<=>^~|`]+)", match_punctuation_run);
}

TEST(SplitPatterns, OthersAreUnknown) { EXPECT_EQ(find_matcher("a+"), nullptr); }

}  // namespace
}  // namespace slm
