// Texts become passages by the rules of the lm-evaluation-harness (commit df3da98c, models of
// Hugging Face): no special tokens, the end-of-text token where there is no context, the
// continuation as what the joint encoding has beyond the length of the context's, and at most
// `max_length` tokens of input, cut from the left.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "eval/scoring/passage.h"
#include "text/tokenizer.h"

namespace slm {

struct PassageOptions {
  int64_t max_length = 2048;        // tokens of input
  int32_t end_of_text = 0;          // stands where there is no context
  bool add_special_tokens = false;  // both encodings begin and end as the tokenizer is used to
};

// Remembers the encoding of the last context: requests of one document share it. The tokenizer must
// outlive it. Not thread-safe.
class PassageMaker {
 public:
  PassageMaker(const Tokenizer& tokenizer, const PassageOptions& options);

  // Error when either side has no tokens, or the continuation alone exceeds max_length.
  Passage pair(std::string_view context, std::string_view continuation);

  // The windows of a text by itself, each scored token once: the first begins behind the
  // end-of-text token, later ones see the max_length tokens before their last target.
  std::vector<Passage> rolling(std::string_view text);

  // A context to be continued by up to `room` tokens: its last max_length - room tokens.
  std::vector<int32_t> prompt(std::string_view context, int64_t room);

 private:
  std::vector<int32_t> encode(std::string_view text) const;
  const std::vector<int32_t>& encode_context(std::string_view text);

  const Tokenizer& tokenizer_;
  PassageOptions options_;
  std::string last_context_;
  std::vector<int32_t> last_ids_;
};

}  // namespace slm
