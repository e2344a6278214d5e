// The figures of a run, and in what the configurations of several differ.
#include <algorithm>
#include <numeric>
#include <set>

#include "train/report/report.h"

namespace slm {
namespace {

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  auto middle = values.begin() + std::ptrdiff_t(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double mean_of_end(const std::vector<double>& values) {
  size_t count = std::max<size_t>(1, values.size() / 20);
  return std::accumulate(values.end() - std::ptrdiff_t(count), values.end(), 0.0) / double(count);
}

std::string config_value(const RunHistory& run, const std::string& key) {
  auto config = run.facts.find("config");
  if (config == run.facts.end() || !config->is_object()) return {};
  auto value = config->find(key);
  if (value == config->end()) return {};
  return value->is_string() ? value->get<std::string>() : value->dump();
}

}  // namespace

RunSummary summarize(const RunHistory& run) {
  RunSummary s{.tokens = run.last.tokens,
               .steps = run.last.step,
               .seconds = run.last.seconds,
               .tokens_per_second = median(run.speed.value),
               .share = median(run.share.value),
               .has_loss = !run.loss.empty(),
               .has_valid = !run.valid.empty(),
               .has_test = !run.test.empty()};
  if (s.has_loss) s.final_loss = mean_of_end(run.loss.value);
  if (s.has_valid) {
    auto best = std::ranges::min_element(run.valid.value);
    s.best_valid = *best;
    s.best_step = run.valid.at[size_t(best - run.valid.value.begin())].step;
    s.final_valid = run.valid.value.back();
  }
  if (s.has_test) s.test = run.test.value.back();
  return s;
}

std::vector<ConfigDifference> config_differences(std::span<const RunHistory> runs) {
  std::set<std::string> keys;
  for (const RunHistory& run : runs)
    if (auto config = run.facts.find("config"); config != run.facts.end() && config->is_object())
      for (const auto& [key, value] : config->items()) keys.insert(key);
  std::vector<ConfigDifference> out;
  for (const std::string& key : keys) {
    ConfigDifference row{.key = key};
    for (const RunHistory& run : runs) row.values.push_back(config_value(run, key));
    bool differ = std::ranges::any_of(row.values, [&](auto& v) { return v != row.values[0]; });
    if (differ) out.push_back(std::move(row));
  }
  return out;
}

}  // namespace slm
