// Greedy continuations of prompts, several at a time. A text does not depend on which prompts are
// continued beside it, bit for bit.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "eval/scoring/evaluated_model.h"

namespace slm {

struct GreedyPrompt {
  std::vector<int32_t> ids;
  std::vector<std::string> stop;  // the text is cut at the first of each in turn
  int64_t max_tokens = 256;
};

// Ends at max_tokens, at the first stop string, or at the one token that the first stop string is;
// where that is none, at the end-of-text token. `finished` is told each prompt's index and text;
// false from it ends the work.
void continue_greedily(const EvaluatedModel& model, std::span<const GreedyPrompt> prompts,
                       const std::function<bool(size_t index, const std::string& text)>& finished);

}  // namespace slm
