#include "data/conversation_labels.h"

#include <algorithm>

#include "data/token_file.h"
#include "util/error.h"

namespace slm {
namespace {

size_t common_prefix(std::span<const int32_t> a, std::span<const int32_t> b) {
  return size_t(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

}  // namespace

std::vector<int32_t> conversation_labels(const Tokenizer& tokenizer, const ChatFormat& format,
                                         std::span<const Message> messages,
                                         std::span<const int32_t> ids) {
  std::vector<int32_t> labels(ids.size(), kNoLabel);
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role != "assistant") continue;
    auto asked = encode_chat(tokenizer, format, messages.first(i), true);
    auto answered = encode_chat(tokenizer, format, messages.first(i + 1), false);
    // The last token of either may join with what follows.
    size_t begin = common_prefix(asked, ids), end = common_prefix(answered, ids);
    check(
        begin + 1 >= asked.size() && end + 1 >= answered.size() && begin < end,
        "[labels] the chat format {} does not let answers be told from the rest of a conversation",
        format.name.empty() ? "of this template" : format.name);
    std::copy(ids.begin() + std::ptrdiff_t(begin), ids.begin() + std::ptrdiff_t(end),
              labels.begin() + std::ptrdiff_t(begin));
  }
  return labels;
}

}  // namespace slm
