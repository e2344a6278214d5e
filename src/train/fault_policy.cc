#include "train/fault_policy.h"

#include <array>
#include <cmath>

#include "util/error.h"
#include "util/nearest_name.h"

namespace slm {
namespace {

constexpr std::array<std::string_view, 4> kActions{"ignore", "skip", "rewind", "stop"};
constexpr std::array<std::string_view, 4> kKinds{"none", "not_finite", "loss_spike",
                                                 "gradient_spike"};

void restore_window(SpikeWindow& window, int64_t size, const JsonObject& state,
                    std::string_view key) {
  const Json& values = state.at(key);
  check_data(values.is_array(), "{}: key \"{}\" must be a list", state.origin(), key);
  window = SpikeWindow(size);
  for (const Json& value : values) {
    check_data(value.is_number() && std::isfinite(value.get<double>()),
               "{}: key \"{}\" must hold finite numbers, found {}", state.origin(), key,
               value.dump());
    window.add(value.get<double>());
  }
}

}  // namespace

FaultAction fault_action(std::string_view name, std::string_view key) {
  for (size_t i = 0; i < kActions.size(); ++i)
    if (kActions[i] == name) return FaultAction(i);
  std::string nearest = nearest_name(name, kActions);
  fail(ErrorKind::kInvalid, "[config] {} must be ignore, skip, rewind or stop, found \"{}\"{}", key,
       name, nearest.empty() ? "" : format("; did you mean \"{}\"?", nearest));
}

FaultPolicySpec fault_policy_spec(const RunConfig::Faults& keys) {
  return {.on_nonfinite = fault_action(keys.on_nonfinite, "on_nonfinite"),
          .on_spike = fault_action(keys.on_spike, "on_spike"),
          .spike_threshold = keys.spike_threshold,
          .spike_window = keys.spike_window,
          .max_faults = keys.most};
}

std::string_view fault_action_name(FaultAction action) { return kActions[size_t(action)]; }
std::string_view fault_kind_name(FaultKind kind) { return kKinds[size_t(kind)]; }

double SpikeWindow::z_score(double value) const {
  if (int64_t(values_.size()) < size_ || values_.empty()) return 0;
  double mean = 0, square = 0;
  for (double v : values_) mean += v / double(size_);
  for (double v : values_) square += (v - mean) * (v - mean) / double(size_);
  return square > 0 ? (value - mean) / std::sqrt(square) : 0;
}

void SpikeWindow::add(double value) {
  values_.push_back(value);
  if (int64_t(values_.size()) > size_) values_.pop_front();
}

FaultPolicy::FaultPolicy(const FaultPolicySpec& spec)
    : spec_(spec), losses_(spec.spike_window), norms_(spec.spike_window) {
  check(spec.on_nonfinite != FaultAction::kIgnore,
        "[config] on_nonfinite cannot be ignore: an update that is not finite ends in weights "
        "that are not");
  check(spec.spike_window >= 2, "[config] spike_window is {}, expected at least 2 steps",
        spec.spike_window);
  check(spec.spike_threshold > 0, "[config] spike_threshold is {}, expected more than 0",
        spec.spike_threshold);
  check(spec.max_faults >= 0, "[config] max_faults is {}, expected 0 or more", spec.max_faults);
}

FaultVerdict FaultPolicy::classify(double loss, double grad_norm) const {
  if (!std::isfinite(loss) || !std::isfinite(grad_norm))
    return {FaultKind::kNotFinite, spec_.on_nonfinite, 0};
  if (spec_.on_spike == FaultAction::kIgnore) return {};
  double of_loss = losses_.z_score(loss), of_norm = norms_.z_score(grad_norm);
  if (of_loss > spec_.spike_threshold) return {FaultKind::kLossSpike, spec_.on_spike, of_loss};
  if (of_norm > spec_.spike_threshold) return {FaultKind::kGradientSpike, spec_.on_spike, of_norm};
  return {};
}

FaultVerdict FaultPolicy::judge(double loss, double grad_norm) {
  FaultVerdict verdict = classify(loss, grad_norm);
  if (verdict.kind == FaultKind::kNone) {
    losses_.add(loss);
    norms_.add(grad_norm);
    return verdict;
  }
  if (++faults_ > spec_.max_faults && verdict.action != FaultAction::kStop) {
    verdict.action = FaultAction::kStop;
    verdict.too_many = true;
  }
  return verdict;
}

Json FaultPolicy::state() const {
  return {{"count", faults_}, {"losses", losses_.values()}, {"grad_norms", norms_.values()}};
}

void FaultPolicy::restore(const Json& state, const std::string& origin) {
  JsonObject object(state, origin);
  faults_ = object.integer("count");
  rewind(state, origin);
}

void FaultPolicy::rewind(const Json& state, const std::string& origin) {
  JsonObject object(state, origin);
  restore_window(losses_, spec_.spike_window, object, "losses");
  restore_window(norms_, spec_.spike_window, object, "grad_norms");
}

}  // namespace slm
