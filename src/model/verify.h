// Proves a model against numbers computed elsewhere: expected.safetensors and expected.json of a
// directory, in this schema (B rows, T tokens, P prompt tokens, L layers, D width, V vocabulary).
// What is absent is not compared; a tensor of another name is an error.
//
//   input_ids, labels [B, T]    the batch, every row one document; labels not shifted, below 0:
//                               ignored
//   hidden.0 .. hidden.L        [B, T, D] input of the first block, output of each
//   final_norm, logits          [B, T, D], [B, T, V]
//   token_logprobs              [B, T-1] of the token that follows
//   gen_prompt, gen_ids         [B, P], [B, P+n] greedy continuation
//   grad.<name>                 of the mean loss over the targets; names and layouts as published
//   train_input_ids, train_labels [n, B, T], final.<name>: batches of n optimiser steps, and the
//                               parameters after them
//
//   expected.json: loss, loss_all_positions, grad_norm, num_params, num_layers, optim {lr, betas,
//   eps, clip_norm, weight_decay_2d}, train_losses, train_grad_norms
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "model/load.h"

namespace slm {

struct VerifyRow {
  std::string name;
  double error;  // largest absolute difference; wrong tokens for ids
  double bound;
  bool ok() const { return error <= bound; }  // NaN is not ok
};

// Bounds are c * 2^-23 * (largest expected absolute value), with c by what is compared. The
// expected values are f32 and as far from the truth as ours may be: their own distance from a
// computation in double is at most 8 such units for activations, and 20 for gradients, in every
// reference fixture.
//
//   hidden states, final norm, logits, log-probabilities      64   two roundings of the same sums,
//                                                                  growing with depth
//   loss, loss_all_positions                                  16   a mean: rounding averages out
//   gradients, gradient norms                                128   the same, over twice the depth
//   losses during training                                    64   include the drift of parameters
//   parameters after training           0.03 lr, absolute          AdamW divides by the gradient's
//                                       own size, so rounding matters relative to a step; a wrong
//                                       rule is off by 0.1 lr and more
//   token ids, counts                                          0   exact
//
// The model's weights lie where the backend computes.
std::vector<VerifyRow> verify(const Model& model, Backend& backend,
                              const std::filesystem::path& expected_dir);

}  // namespace slm
