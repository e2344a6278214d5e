#include "eval/difference.h"

#include <algorithm>
#include <cmath>

#include "eval/metrics.h"
#include "eval/python_random.h"
#include "eval/sample_reader.h"
#include "eval/scoring/samples.h"
#include "util/error.h"

namespace slm {
namespace {

constexpr double kZ95 = 1.959963984540054;  // 97.5% of a normal distribution lie below

struct Pair {
  const TaskResult& a;
  const TaskResult& b;
};

std::vector<std::string> common_metrics(const Pair& pair) {
  std::vector<std::string> out;
  for (const std::string& metric : pair.a.metrics())
    if (pair.b.value(metric)) out.push_back(metric);
  return out;
}

Difference unpaired(const Pair& pair, const std::string& metric) {
  Difference out{.task = pair.a.name,
                 .metric = metric,
                 .a = *pair.a.value(metric),
                 .b = *pair.b.value(metric)};
  auto error_a = pair.a.standard_error(metric), error_b = pair.b.standard_error(metric);
  if (!error_a || !error_b) {
    out.test = "none: no standard errors";
    return out;
  }
  const double error = std::hypot(*error_a, *error_b), gap = out.b - out.a;
  out.test = "z";
  out.p = error > 0 ? two_sided_normal(gap / error) : (gap == 0 ? 1.0 : 0.0);
  out.low = gap - kZ95 * error;
  out.high = gap + kZ95 * error;
  return out;
}

bool is_binary(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return v == 0 || v == 1; });
}

// The items of a metric, of the documents of both.
struct PairedItems {
  std::vector<double> a, b;
};

void test_pairs(Difference& out, const PairedItems& items) {
  std::vector<double> gaps;
  int64_t only_a = 0, only_b = 0;
  for (size_t i = 0; i < items.a.size(); ++i) {
    gaps.push_back(items.b[i] - items.a[i]);
    only_a += items.a[i] > items.b[i];
    only_b += items.b[i] > items.a[i];
  }
  out.documents = std::ssize(gaps);
  Resampled drawn = paired_bootstrap(gaps);
  const bool right_or_wrong = is_binary(items.a) && is_binary(items.b);
  out.test = right_or_wrong ? "McNemar" : "paired bootstrap";
  out.p = right_or_wrong ? mcnemar(only_a, only_b) : drawn.p;
  // Of a perplexity, the items are log-likelihoods: their interval is not one of the figures.
  const double from_items = mean(items.b) - mean(items.a), gap = out.b - out.a;
  const bool same_scale = std::abs(from_items - gap) <= 1e-9 * (1 + std::abs(gap));
  out.low = same_scale ? std::optional(drawn.low) : std::nullopt;
  out.high = same_scale ? std::optional(drawn.high) : std::nullopt;
}

void check_same_documents(const std::vector<Sample>& a, const std::vector<Sample>& b,
                          const std::string& task) {
  check(a.size() == b.size(), "{}: {} documents in one sample file, {} in the other", task,
        a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i)
    check(
        a[i].doc_id == b[i].doc_id && same_document(a[i], b[i]),
        "{}: document {} is not the same in both: runs on other rows, or of another --seed, cannot "
        "be paired",
        task, a[i].doc_id);
}

PairedItems paired_items(const std::vector<Sample>& a, const std::vector<Sample>& b,
                         const std::string& metric) {
  PairedItems out;
  for (size_t i = 0; i < a.size(); ++i) {
    auto in_a = a[i].metrics.find(metric), in_b = b[i].metrics.find(metric);
    if (in_a == a[i].metrics.end() || in_b == b[i].metrics.end()) continue;
    out.a.push_back(in_a->second);
    out.b.push_back(in_b->second);
  }
  return out;
}

}  // namespace

double two_sided_normal(double z) { return std::erfc(std::abs(z) / std::sqrt(2.0)); }

double mcnemar(int64_t only_a, int64_t only_b) {
  const int64_t n = only_a + only_b, smaller = std::min(only_a, only_b);
  // Under no difference, each goes either way like a coin.
  double tail = 0;
  for (int64_t k = 0; k <= smaller; ++k)
    tail += std::exp(std::lgamma(double(n + 1)) - std::lgamma(double(k + 1)) -
                     std::lgamma(double(n - k + 1)) - double(n) * std::log(2.0));
  return std::min(1.0, 2 * tail);
}

Resampled paired_bootstrap(std::span<const double> gaps) {
  constexpr int kDraws = 10000;
  if (gaps.empty()) return {1, 0, 0};
  PythonRandom random(0);
  std::vector<double> means(kDraws);
  for (double& drawn : means) {
    double sum = 0;
    for (size_t i = 0; i < gaps.size(); ++i)
      sum += gaps[size_t(random.random() * double(gaps.size()))];
    drawn = sum / double(gaps.size());
  }
  std::sort(means.begin(), means.end());
  // How often draws around no difference would be as far from it as what was found.
  const double center = mean(gaps);
  int64_t as_far = 0;
  for (double drawn : means) as_far += std::abs(drawn - center) >= std::abs(center);
  return {double(as_far + 1) / (kDraws + 1), means[kDraws / 40], means[kDraws - 1 - kDraws / 40]};
}

std::vector<Difference> differences(const std::filesystem::path& a,
                                    const std::filesystem::path& b) {
  Results first = read_results(a), second = read_results(b);
  std::vector<Difference> out;
  for (const TaskResult& task : first.tasks) {
    const TaskResult* other = second.find(task.name);
    if (!other) continue;
    check(task.version == other->version, "{}: version {} in {}, {} in {}: not the same questions",
          task.name, task.version.dump(), a.string(), other->version.dump(), b.string());
    const Pair pair{task, *other};
    const std::vector<std::string> metrics = common_metrics(pair);
    const auto path_a = samples_path(a, task.name), path_b = samples_path(b, task.name);
    std::vector<Sample> samples_a, samples_b;
    const bool paired = std::filesystem::exists(path_a) && std::filesystem::exists(path_b);
    if (paired) {
      samples_a = read_samples(path_a);
      samples_b = read_samples(path_b);
      check_same_documents(samples_a, samples_b, task.name);
    }
    for (const std::string& metric : metrics) {
      out.push_back(unpaired(pair, metric));
      PairedItems items = paired_items(samples_a, samples_b, metric);
      if (!items.a.empty()) test_pairs(out.back(), items);
    }
  }
  check(!out.empty(), "{} and {} have no task in common", a.string(), b.string());
  return out;
}

std::string difference_table(std::span<const Difference> rows, double level) {
  std::string out =
      "| Task | Metric | A | B | B - A | 95% interval | p | test | verdict |\n"
      "| --- | --- | ---: | ---: | ---: | --- | ---: | --- | --- |\n";
  for (const Difference& d : rows) {
    std::string interval = d.low ? format("{:+.4f} to {:+.4f}", *d.low, *d.high) : "-";
    std::string verdict = !d.p            ? "cannot say"
                          : *d.p >= level ? "within noise"
                          : d.b > d.a     ? "B is higher"
                                          : "A is higher";
    std::string test = d.documents ? format("{}, {} pairs", d.test, d.documents) : d.test;
    out += format("| {} | {} | {:.4f} | {:.4f} | {:+.4f} | {} | {} | {} | {} |\n", d.task, d.metric,
                  d.a, d.b, d.b - d.a, interval, d.p ? format("{:.3g}", *d.p) : "-", test, verdict);
  }
  return out;
}

}  // namespace slm
