// Chooses the next token from a row of logits, by the rules of Hugging Face `generate` in its
// order: repetition penalty, no repeated n-grams, minimum length, temperature, top-k, top-p, min-p,
// typical-p, epsilon cutoff, eta cutoff, then one draw. Every filter sees the probabilities that
// the filters before it left, normalised again.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "generate/speculative_sampling.h"

namespace slm {

// The defaults change nothing: the model's own distribution.
struct SamplingOptions {
  double temperature = 1;         // 0: always the most likely token
  int64_t top_k = 0;              // only the k likeliest, ties kept; 0: all
  double top_p = 1;               // only the likeliest whose probabilities first add up to p
  double min_p = 0;               // only those at least min_p times as likely as the likeliest
  double typical_p = 1;           // Meister et al., "Locally typical sampling", 2022
  double epsilon_cutoff = 0;      // Hewitt, Manning, Liang, "Truncation sampling", 2022
  double eta_cutoff = 0;          // the same paper
  double repetition_penalty = 1;  // Keskar et al., "CTRL", 2019: over prompt and output
  int64_t no_repeat_ngram = 0;    // no run of n tokens occurs twice; 0: off
  int64_t min_new_tokens = 0;     // stop ids are not chosen before
  uint64_t seed = 0;
};

// Holds no state but its scratch memory: the same logits, ids and seed give the same token,
// whatever came before. The n-th token of a sequence uses the n-th random number of (seed, stream).
// Not thread-safe.
class Sampler {
 public:
  // Ids from `vocab` on are never chosen: output matrices are often padded beyond the tokenizer.
  // Sequences that are sampled together take different streams.
  Sampler(const SamplingOptions& options, int64_t vocab, std::vector<int32_t> stop_ids = {},
          uint64_t stream = 0);

  // `ids` is the sequence so far, of which the first `prompt_length` are the prompt.
  int32_t choose(std::span<const float> logits, std::span<const int32_t> ids,
                 int64_t prompt_length);
  // The same, distributed alike, when a token has been proposed for this place: it is taken if it
  // may be. A guess is taken if it is what choose() gives.
  int32_t choose(std::span<const float> logits, std::span<const int32_t> ids, int64_t prompt_length,
                 const Proposal& proposal);
  // A proposal for this place, drawn with other random numbers than choose() uses.
  Proposal propose(std::span<const float> logits, std::span<const int32_t> ids,
                   int64_t prompt_length);

  // What choose() draws from, by ascending id: the tokens that are left and their probabilities,
  // which add up to 1. Greedy choice leaves one.
  std::span<const Candidate> distribution(std::span<const float> logits,
                                          std::span<const int32_t> ids, int64_t prompt_length);

 private:
  struct Scored {
    int32_t id;
    float logit;
    double p;
  };
  struct Ranked {  // the smaller, the better
    double key;
    int32_t tie;
    double p;
  };

  double uniform(uint64_t purpose, size_t place) const;
  void process(std::span<const float> logits, std::span<const int32_t> ids, int64_t prompt_length);
  void ban_repeated_ngrams(std::span<const int32_t> ids);
  void keep_best();
  void apply_temperature();
  void apply_top_k();
  void apply_top_p();
  void apply_min_p();
  void apply_typical_p();
  void apply_cutoff(double least);
  void compute_probabilities();
  void renormalise();
  double entropy() const;
  Ranked last_within_mass(double mass);

  SamplingOptions options_;
  size_t vocab_;
  std::vector<int32_t> stop_ids_;
  uint64_t stream_;
  std::vector<float> logits_;
  std::vector<Scored> left_;  // by ascending id
  std::vector<Scored> top_;
  std::vector<Ranked> ranked_;
  std::vector<Candidate> candidates_;
};

}  // namespace slm
