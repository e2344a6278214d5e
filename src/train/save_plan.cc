#include "train/save_plan.h"

#include <algorithm>

namespace slm {
namespace {

bool is_power_of(int64_t base, int64_t n) {
  while (n > 1 && n % base == 0) n /= base;
  return n == 1;
}

}  // namespace

bool save_is_due(const RunConfig::Saving& saving, int64_t step, int64_t last) {
  bool extra = std::count(saving.extra_steps.begin(), saving.extra_steps.end(), step) > 0;
  if (extra || step == last) return true;
  if (step == 0 || saving.every == 0) return false;
  return saving.scale == "log" ? is_power_of(saving.every, step) : step % saving.every == 0;
}

bool exit_is_due(const RunConfig::Saving& saving, int64_t step) {
  return saving.exit_every > 0 && step % saving.exit_every == 0;
}

}  // namespace slm
