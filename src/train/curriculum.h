// Sequence-length warm-up: short samples first (Li, Zhang and He, "The stability-efficiency
// dilemma", 2022; keys and rules are DeepSpeed's). Samples are drawn at full length and cut short.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace slm {

struct CurriculumSpec {
  bool enabled = false;
  std::string type = "seqlen", schedule = "fixed_linear";
  int64_t least = 0, most = 0;  // tokens; most 0: the full length
  // fixed_linear and fixed_root, of step s = 1, 2, …, rounded down to a multiple of
  // `granularity`:  floor((s / total_steps)^(1 / root) (most - least) + least), at most `most`;
  // the root is 1 for fixed_linear
  int64_t total_steps = 0, granularity = 8, root = 2;
  // fixed_discrete: lengths[i] up to and with step last_steps[i], the last length ever after
  std::vector<int64_t> lengths, last_steps;
};

class Curriculum {
 public:
  // Every sample at its full length.
  explicit Curriculum(int64_t seq_length) : full_(seq_length) {}
  // Refuses what makes no sense.
  Curriculum(const CurriculumSpec& spec, int64_t seq_length);

  // Tokens of each sample of the step that follows `steps` others.
  int64_t length(int64_t steps) const;

 private:
  int64_t discrete(int64_t step) const;
  int64_t grown(int64_t step) const;

  CurriculumSpec spec_;
  int64_t full_;
};

}  // namespace slm
