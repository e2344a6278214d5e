// Proposes what followed the last time the text's last tokens occurred: good where an answer
// repeats its prompt, as edits, summaries and code do. Saxena, "Prompt lookup decoding", 2023.
#pragma once

#include "generate/drafter.h"

namespace slm {

class PromptLookup : public Drafter {
 public:
  void begin(const GenerationRequest&) override {}
  // After the longest run of tokens, 2 at least, that the text ends in and that occurred before;
  // of several, the latest that has enough behind it.
  std::vector<Proposal> propose(std::span<const int32_t> ids, int64_t most) override;
};

}  // namespace slm
