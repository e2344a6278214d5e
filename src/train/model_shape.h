// From the shape keys of a run configuration to a model in a published layout.
#pragma once

#include <optional>

#include "model/load.h"
#include "train/run_config.h"

namespace slm {

// The smallest multiple of vocab_multiple * model_parallel that holds `tokens`.
int64_t padded_vocabulary(const RunConfig::Shape& shape, int64_t tokens);

// Given, or 4 x hidden (plain) or 8/3 x hidden (gated), rounded up to mlp_multiple.
int64_t mlp_width(const RunConfig::Shape& shape);

struct SpecialTokens {
  std::optional<int32_t> bos, eos;
};

// config.json and spec of the family that stores this shape: stablelm (gated, sequential or
// parallel with a shared norm), gpt_neox (plain, sequential or parallel), llama (rmsnorm). Error,
// in a sentence, when none does. What the layout decides otherwise than the configuration is added
// to `notes`.
ModelConfig model_for_training(const RunConfig::Shape& shape, int64_t tokens,
                               const SpecialTokens& special, std::vector<std::string>& notes);

}  // namespace slm
