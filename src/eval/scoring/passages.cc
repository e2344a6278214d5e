#include "eval/scoring/passages.h"

#include <algorithm>

#include "text/unicode.h"
#include "util/error.h"

namespace slm {
namespace {

// What Python's str.rstrip() removes: White_Space and the four separators U+001C to U+001F.
bool is_stripped(char32_t c) {
  return char_class(c) == CharClass::kSpace || (c >= 0x1C && c <= 0x1F);
}

// The beginning of the last character.
size_t last_character(std::string_view text) {
  size_t at = text.size() - 1;
  while (at > 0 && (text[at] & 0xC0) == 0x80) --at;
  return at;
}

size_t length_without_trailing_space(std::string_view text) {
  while (!text.empty()) {
    size_t last = last_character(text);
    if (!is_stripped(decode_utf8(text.substr(last)).c)) break;
    text = text.substr(0, last);
  }
  return text.size();
}

std::string excerpt(std::string_view text) {
  constexpr size_t kMost = 60;
  return text.size() <= kMost ? std::string(text)
                              : replace_invalid_utf8(text.substr(0, kMost)) + "...";
}

}  // namespace

PassageMaker::PassageMaker(const Tokenizer& tokenizer, const PassageOptions& options)
    : tokenizer_(tokenizer), options_(options) {
  check(options.max_length > 0, "[evaluate] inputs of at most {} tokens", options.max_length);
}

std::vector<int32_t> PassageMaker::encode(std::string_view text) const {
  bool bos = options_.add_special_tokens && tokenizer_.adds_bos();
  return tokenizer_.encode(text, {.bos = bos});
}

const std::vector<int32_t>& PassageMaker::encode_context(std::string_view text) {
  if (last_ids_.empty() || text != last_context_) {
    last_context_ = text;
    last_ids_ = encode(text);
  }
  return last_ids_;
}

Passage PassageMaker::pair(std::string_view context, std::string_view continuation) {
  std::vector<int32_t> all;
  size_t context_tokens = 1;
  if (context.empty()) {
    all = encode(continuation);
    all.insert(all.begin(), options_.end_of_text);
  } else {
    size_t kept = length_without_trailing_space(context);
    all = encode(std::string(context) + std::string(continuation));
    context_tokens = encode_context(context.substr(0, kept)).size();
    const auto& ids = last_ids_;
    if (context_tokens <= all.size()) std::ranges::copy(ids, all.begin());
  }
  check(context_tokens > 0, "the context \"{}\" has no tokens", excerpt(context));
  check(all.size() > context_tokens, "the continuation \"{}\" of \"{}\" has no tokens of its own",
        excerpt(continuation), excerpt(context));
  int64_t scored = int64_t(all.size() - context_tokens);
  check(scored <= options_.max_length,
        "the continuation \"{}\" has {} tokens, but the model reads {} at most; a longer "
        "--max-length may help",
        excerpt(continuation), scored, options_.max_length);
  Passage passage;
  passage.targets.assign(all.begin() + int64_t(context_tokens), all.end());
  int64_t most = std::min(int64_t(all.size()) - 1, options_.max_length);
  passage.input.assign(all.end() - 1 - most, all.end() - 1);
  return passage;
}

std::vector<Passage> PassageMaker::rolling(std::string_view text) {
  std::vector<int32_t> all = encode(text);
  int64_t tokens = int64_t(all.size());
  check(tokens > 0, "the text \"{}\" has no tokens", excerpt(text));
  all.insert(all.begin(), options_.end_of_text);  // token i is now at i + 1, its input ends at i
  std::vector<Passage> windows;
  for (int64_t done = 0; done < tokens;) {
    int64_t next = std::min(tokens - done, options_.max_length), end = done + next;
    int64_t first = std::max<int64_t>(0, end - options_.max_length);
    windows.push_back({{all.begin() + first, all.begin() + end},
                       {all.begin() + done + 1, all.begin() + end + 1}});
    done = end;
  }
  return windows;
}

std::vector<int32_t> PassageMaker::prompt(std::string_view context, int64_t room) {
  std::vector<int32_t> ids = encode(context);
  if (ids.empty()) ids.push_back(options_.end_of_text);
  int64_t most = options_.max_length - room;
  check(most > 0, "{} new tokens leave no room for a prompt among the {} that the model reads",
        room, options_.max_length);
  if (int64_t(ids.size()) > most) ids.erase(ids.begin(), ids.end() - most);
  return ids;
}

}  // namespace slm
