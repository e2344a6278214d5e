#include "train/curriculum.h"

#include <algorithm>
#include <cmath>

#include "util/error.h"

namespace slm {
namespace {

void check_lengths(const CurriculumSpec& s, int64_t full) {
  check(!s.lengths.empty() && s.lengths.size() == s.last_steps.size() + 1,
        "[config] curriculum_learning: fixed_discrete needs a list \"difficulty\" with one more "
        "entry than \"max_step\", found {} and {}",
        s.lengths.size(), s.last_steps.size());
  for (int64_t length : s.lengths)
    check(length > 0 && length <= full,
          "[config] curriculum_learning: a difficulty of {} tokens, expected 1..{} (seq_length)",
          length, full);
  check(std::is_sorted(s.last_steps.begin(), s.last_steps.end()),
        "[config] curriculum_learning: max_step must not decrease");
}

void check_growth(CurriculumSpec& s, int64_t full) {
  check(
      s.schedule == "fixed_linear" || s.schedule == "fixed_root",
      "[config] curriculum_learning.schedule_type is \"{}\", expected fixed_linear, fixed_root or "
      "fixed_discrete",
      s.schedule);
  if (s.schedule == "fixed_linear") s.root = 1;
  check(s.least > 0 && s.least <= s.most && s.most <= full,
        "[config] curriculum_learning: min_difficulty {} and max_difficulty {} must lie in 1..{} "
        "(seq_length), in this order",
        s.least, s.most, full);
  check(
      s.total_steps > 0 && s.root > 0 && s.granularity > 0 && s.granularity <= s.least,
      "[config] curriculum_learning.schedule_config: total_curriculum_step {}, root_degree {} and "
      "difficulty_step {} must be positive, the last at most min_difficulty {}",
      s.total_steps, s.root, s.granularity, s.least);
}

}  // namespace

Curriculum::Curriculum(const CurriculumSpec& spec, int64_t seq_length)
    : spec_(spec), full_(seq_length) {
  CurriculumSpec& s = spec_;
  if (!s.enabled) return;
  if (s.most == 0) s.most = full_;
  check(s.type == "seqlen",
        "[config] curriculum_learning.curriculum_type is \"{}\", expected seqlen", s.type);
  if (s.schedule == "fixed_discrete")
    check_lengths(s, full_);
  else
    check_growth(s, full_);
}

int64_t Curriculum::length(int64_t steps) const {
  if (!spec_.enabled) return full_;
  return spec_.schedule == "fixed_discrete" ? discrete(steps + 1) : grown(steps + 1);
}

int64_t Curriculum::discrete(int64_t step) const {
  auto stage = std::lower_bound(spec_.last_steps.begin(), spec_.last_steps.end(), step);
  return spec_.lengths[size_t(stage - spec_.last_steps.begin())];
}

int64_t Curriculum::grown(int64_t step) const {
  double done = std::pow(double(step) / double(spec_.total_steps), 1 / double(spec_.root));
  auto length = int64_t(
      std::floor(std::min(done, 1.0) * double(spec_.most - spec_.least) + double(spec_.least)));
  return length - length % spec_.granularity;
}

}  // namespace slm
