#include "text/tokenizer_parts.h"

#include "util/error.h"

namespace slm {

void TokenizerParts::add(AddedToken token, std::string_view origin) {
  constexpr size_t kMaxBytes = 4096;  // a longer one would make every search slow
  check_data(token.id >= 0 && token.id < kMaxTokens, "{}: id {} is not from 0 to {}", origin,
             token.id, kMaxTokens - 1);
  check_data(!token.content.empty() && token.content.size() <= kMaxBytes,
             "{}: the content of token {} has {} bytes, expected 1 to {}", origin, token.id,
             token.content.size(), kMaxBytes);
  std::string_view old = texts[token.id];
  bool same = old.empty() || old == token.content || model.vocab[token.id] == token.content;
  check_data(same, "{}: id {} is both \"{}\" and \"{}\"", origin, token.id, old, token.content);
  if (old.empty()) texts.set(token.id, token.content);
  added.tokens.push_back(std::move(token));
}

}  // namespace slm
