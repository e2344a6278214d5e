// The patterns that cut text into words before BPE, as hand-written matchers. Each takes valid
// UTF-8 and finds what the regular expression beside its name finds.
#pragma once

#include <string_view>

namespace slm {

// The first match at or after `begin`: [from, to) in bytes; from == to when there is none. Matchers
// that cover all text always match at `begin`.
struct Match {
  size_t from, to;
};
using Matcher = Match (*)(std::string_view text, size_t begin);

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
Match match_gpt2(std::string_view text, size_t begin);

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|
// \s*[\r\n]+|\s+(?!\S)|\s+        (Arcade100k, Qwen); the second with \p{N}{1,3} (cl100k)
Match match_single_digits(std::string_view text, size_t begin);
Match match_triple_digits(std::string_view text, size_t begin);

Match match_digit(std::string_view text, size_t begin);               // \p{N}
Match match_digits(std::string_view text, size_t begin);              // \p{N}+
Match match_three_ascii_digits(std::string_view text, size_t begin);  // [0-9][0-9][0-9]
Match match_punctuation(std::string_view text, size_t begin);         // [\p{P}$+<=>^~|`]
Match match_punctuation_run(std::string_view text, size_t begin);     // the same with +
Match match_bloom_word(std::string_view text, size_t begin);  //  ?[^(\s|[.,!?…。，、।۔،])]+

// The matcher for a regular expression of a tokenizer.json; null when it is none of the above;
// Regex runs any other, slower.
Matcher find_matcher(std::string_view regex);

}  // namespace slm
