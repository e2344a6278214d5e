// A model as evaluations see it.
#pragma once

#include <cstdint>
#include <string>

#include "eval/scoring/passages.h"
#include "model/load.h"

namespace slm {

// All of it must outlive the evaluation.
struct EvaluatedModel {
  const Decoder& decoder;
  Backend& backend;
  const Tokenizer& tokenizer;
  PassageOptions passages;
};

// Tokens the model reads: the first of n_positions, max_position_embeddings and n_ctx that its
// config has, as in the harness; else the positions of the decoder, or 2048 where it has no bound.
int64_t harness_max_length(const ModelConfig& config);

// The tokenizer's end-of-text token, else the model's; error when neither has one.
int32_t end_of_text(const Tokenizer& tokenizer, const ModelConfig& config);

// What the scores of a model depend on, as 64 hex digits: config, parameters (of each its name,
// shape and type, and pieces of its numbers from all over it), tokens, kernels and which layers
// they compute, and how requests become tokens. Not on the number of threads.
std::string fingerprint(const EvaluatedModel& model, const ModelConfig& config,
                        const Parameters& parameters);

}  // namespace slm
