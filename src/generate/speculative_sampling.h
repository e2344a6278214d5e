// Tokens that something cheap proposes and the model accepts or replaces, so that what comes out is
// distributed as if the model had drawn every token itself.
// Leviathan, Kalman, Matias, "Fast inference from transformers via speculative decoding", 2023;
// Chen et al., "Accelerating large language model decoding with speculative sampling", 2023.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace slm {

struct Candidate {
  int32_t id;
  double probability;
};

// A token for the next place, and the distribution it was drawn from, by ascending id; empty: a
// guess, made without looking at random numbers.
struct Proposal {
  int32_t id;
  std::vector<Candidate> from = {};
};

// The candidate in which `uniform`, of [0, 1), falls when their probabilities are laid end to end.
int32_t draw(std::span<const Candidate> candidates, double uniform);

// The proposal with probability min(1, p / q) of its token, else a draw from max(0, p - q),
// normalised: a token distributed as `p` says, when `from` is what the proposal was drawn from. `p`
// by ascending id; the two uniform numbers and the one the proposal came from are independent.
int32_t accept_or_replace(std::span<const Candidate> p, const Proposal& proposal, double accept,
                          double replace);

}  // namespace slm
