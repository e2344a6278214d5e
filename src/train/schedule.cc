#include "train/schedule.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "util/error.h"

namespace slm {
namespace {

constexpr std::array<std::string_view, 5> kStyles{"constant", "linear", "cosine", "exponential",
                                                  "hybrid_cosine_inv_sqrt_2"};

}  // namespace

Schedule::Schedule(double peak, const RunConfig::Schedule& s)
    : peak_(peak), floor_(s.min_lr), decay_(double(s.decay_steps)) {
  auto style = std::find(kStyles.begin(), kStyles.end(), s.style);
  check(style != kStyles.end(), "[config] lr_decay_style is \"{}\", expected one of {}", s.style,
        fmt::join(kStyles, ", "));
  style_ = Style(style - kStyles.begin());
  check(decay_ > 0, "[config] the learning rate decays over {} steps; it must be positive", decay_);
  check(s.warmup >= 0 && s.warmup <= 1, "[config] warmup is {}, expected a fraction in 0..1",
        s.warmup);
  check(floor_ >= 0 && floor_ <= peak_, "[config] min_lr {} must lie between 0 and lr {}", floor_,
        peak_);
  warmup_ = s.warmup * decay_;
  hybrid_total_ = s.hybrid_steps > 0 ? double(s.hybrid_steps) : decay_;
  hybrid_join_ = s.hybrid_switch * hybrid_total_;
  bool joins = s.hybrid_switch > 0 && s.hybrid_switch < 0.5 && floor_ < peak_;
  check(style_ != Style::kHybrid || joins,
        "[config] {} needs min_lr below lr and hybrid_switch_fraction in 0..0.5", s.style);

  check(s.cooldown >= 0 && s.cooldown <= 1 && s.cooldown_steps >= 0,
        "[config] cooldown {} must be a fraction in 0..1, cooldown_steps {} not negative",
        s.cooldown, s.cooldown_steps);
  cooldown_steps_ = s.cooldown_steps > 0 ? double(s.cooldown_steps) : s.cooldown * decay_;
  cooldown_start_ = s.cooldown_start ? double(*s.cooldown_start) : decay_ - cooldown_steps_;
  cooldown_rate_ = s.cooldown_final_lr;
}

double Schedule::rate(int64_t updates) const {
  double n = double(updates);
  if (cooldown_steps_ <= 0 || n <= cooldown_start_) return decayed(n);
  double done = std::min(1.0, (n - cooldown_start_) / cooldown_steps_);
  double from = decayed(cooldown_start_);
  return from + (cooldown_rate_ - from) * done;
}

double Schedule::decayed(double n) const {
  if (warmup_ > 0 && n <= warmup_) return peak_ * std::max(1.0, n) / warmup_;
  double span = decay_ - warmup_;
  double done = span > 0 ? std::min(1.0, (n - warmup_) / span) : 1;
  double lr = peak_;
  switch (style_) {
    case Style::kConstant:
      break;
    case Style::kLinear:
      lr = peak_ * (1 - done);
      break;
    case Style::kCosine:
      lr = floor_ + (peak_ - floor_) / 2 * (std::cos(std::numbers::pi * done) + 1);
      break;
    case Style::kExponential:
      lr = peak_ * std::exp(-0.693 * done);
      break;
    case Style::kHybrid:
      lr = hybrid(n);
      break;
  }
  return std::max(lr, floor_);
}

// alpha / sqrt(n + beta) has slope -value / (2 (n + beta)); equating value and slope with the
// cosine's at the join gives n + beta there.
double Schedule::hybrid(double n) const {
  double half = (peak_ - floor_) / 2, turn = 2 * std::numbers::pi / hybrid_total_;
  auto cosine = [&](double i) { return floor_ + half * (std::cos(turn * i) + 1); };
  if (n <= hybrid_join_) return cosine(n);
  double value = cosine(hybrid_join_), slope = half * turn * std::sin(turn * hybrid_join_);
  double shifted = value / (2 * slope);
  return value * std::sqrt(shifted / (shifted + n - hybrid_join_));
}

}  // namespace slm
