// What a model costs, from its spec alone: parameters, bytes, memory to run and to train it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/dtype.h"
#include "model/load.h"

namespace slm {

// Numbers the files hold, each counted once.
int64_t parameter_count(const DecoderSpec& spec);

// Bytes of the weights when matrices have type `dtype`; norms and biases are f32 in memory.
int64_t weight_bytes(const DecoderSpec& spec, DType dtype);

// Keys and values of one sequence of `context` tokens, in f16.
int64_t cache_bytes(const DecoderSpec& spec, int64_t context);

// Activations that are there at a time in a forward pass without a tape, per token, in f32; without
// logits.
int64_t pass_bytes_per_token(const DecoderSpec& spec);

// Weights, gradients and the two moments of AdamW, all f32, without activations.
int64_t training_state_bytes(const DecoderSpec& spec);

// Some published figures count parameters that tensor-parallel training keeps on every rank as
// many times as there were ranks.
struct PublishedCount {
  int64_t count;
  std::string reason;
};
// Of the StableLM-Alpha models, recognised by their shapes; absent for anything else.
std::optional<PublishedCount> published_count(const ModelConfig& config);

}  // namespace slm
