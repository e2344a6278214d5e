// What a run knows of its tokens: how many there are, and which end a text.
#pragma once

#include <filesystem>

#include "train/model_shape.h"
#include "train/run_config.h"

namespace slm {

struct Vocabulary {
  int64_t tokens = 0;  // before padding
  SpecialTokens special;
  std::filesystem::path tokenizer;  // empty without
};

// From the tokenizer and vocab_size. Error when both are missing or disagree; with
// `may_be_missing`, a tokenizer that does not exist is none.
Vocabulary open_vocabulary(const RunConfig& config, bool may_be_missing);

}  // namespace slm
