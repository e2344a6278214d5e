#include "train/report/run_history.h"

#include <algorithm>
#include <cmath>
#include <fstream>

namespace slm {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostSources = 1000;
constexpr double kMostCounted = 1e18;  // steps and tokens: what an integer holds

// A finite number of a line, or what it is to be without one.
double number_or(const Json& line, const char* key, double otherwise) {
  auto found = line.find(key);
  if (found == line.end() || !found->is_number()) return otherwise;
  auto value = found->get<double>();
  return std::isfinite(value) ? value : otherwise;
}

std::string text_or(const Json& line, const char* key, std::string otherwise) {
  auto found = line.find(key);
  return found != line.end() && found->is_string() ? found->get<std::string>() : otherwise;
}

class MetricsReader {
 public:
  explicit MetricsReader(RunHistory& history) : h_(history) {}

  // Whether the line is one of a metrics.jsonl.
  bool read(const std::string& text) {
    Json line = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!line.is_object()) return false;
    double step = number_or(line, "step", -1);
    if (step < 0 || step > kMostCounted) return false;
    RunMoment& at = h_.last;
    at.step = step;
    double tokens = number_or(line, "tokens", at.tokens);
    if (tokens >= 0 && tokens <= kMostCounted) at.tokens = tokens;
    std::string kind = text_or(line, "kind", "");
    if (kind == "step") read_step(line);
    if (kind == "valid") add(h_.valid, line, "loss");
    if (kind == "test") add(h_.test, line, "loss");
    if (kind == "sources") read_sources(line);
    if (kind == "save") read_event(line, kind, "checkpoint");
    if (kind == "fault" || kind == "note") read_event(line, kind, "what");
    return true;
  }

 private:
  void add(RunCurve& curve, const Json& line, const char* key) {
    double value = number_or(line, key, NAN);
    if (!std::isnan(value)) curve.add(h_.last, value);
  }

  void read_step(const Json& line) {
    double seconds = number_or(line, "seconds", process_seconds_);
    if (seconds < process_seconds_) earlier_ += process_seconds_;  // another process went on
    process_seconds_ = seconds;
    h_.last.seconds = earlier_ + seconds;
    add(h_.loss, line, "loss");
    add(h_.lr, line, "lr");
    add(h_.grad_norm, line, "grad_norm");
    add(h_.speed, line, "tokens_per_second");
    add(h_.share, line, "mfu");
    h_.memory_bytes = std::max(h_.memory_bytes, number_or(line, "memory_bytes", 0));
  }

  void read_sources(const Json& line) {
    auto list = line.find("sources");
    if (list == line.end() || !list->is_array()) return;
    for (const Json& source : *list) {
      if (!source.is_object()) continue;
      std::string name = text_or(source, "source", "");
      auto known = std::ranges::find(h_.epochs, name, &std::pair<std::string, RunCurve>::first);
      if (known == h_.epochs.end()) {
        if (h_.epochs.size() >= kMostSources) return;
        known = h_.epochs.insert(known, {name, {}});
      }
      add(known->second, source, "epochs");
    }
  }

  void read_event(const Json& line, const std::string& kind, const char* key) {
    h_.events.push_back({h_.last, kind, text_or(line, key, "")});
  }

  RunHistory& h_;
  double process_seconds_ = 0, earlier_ = 0;
};

// run.json helps but is not needed, so a broken one is as good as none.
Json read_facts(const fs::path& file) {
  std::ifstream in(file);
  Json facts = Json::parse(in, nullptr, /*allow_exceptions=*/false);
  return facts.is_object() ? facts : Json::object();
}

}  // namespace

double RunHistory::fact(std::string_view key) const {
  return number_or(facts, std::string(key).c_str(), 0);
}

void read_metrics(std::istream& lines, RunHistory& history) {
  MetricsReader reader(history);
  for (std::string line; std::getline(lines, line);)
    if (!line.empty() && !reader.read(line)) ++history.skipped_lines;
}

RunHistory read_run_history(const fs::path& directory) {
  fs::path file = directory / "metrics.jsonl";
  if (!fs::is_regular_file(file))
    fail(ErrorKind::kNotFound,
         "{}: no metrics.jsonl; expected the directory that `stablelm pretrain --save` wrote to",
         directory.string());
  std::ifstream in(file);
  if (!in) fail(ErrorKind::kIo, "{}: cannot be read", file.string());
  RunHistory history;
  history.facts = read_facts(directory / "run.json");
  fs::path path = fs::absolute(directory).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  history.name = text_or(history.facts, "name", path.filename().string());
  read_metrics(in, history);
  return history;
}

RunCurve thinned(const RunCurve& curve, size_t most) {
  size_t count = curve.value.size();
  if (count <= most) return curve;
  size_t buckets = std::max<size_t>(1, most / 2);
  RunCurve out;
  for (size_t b = 0; b < buckets; ++b) {
    auto begin = curve.value.begin() + std::ptrdiff_t(count * b / buckets);
    auto end = curve.value.begin() + std::ptrdiff_t(count * (b + 1) / buckets);
    auto [low, high] = std::minmax_element(begin, end);
    auto add = [&](auto point) { out.add(curve.at[size_t(point - curve.value.begin())], *point); };
    add(std::min(low, high));
    if (low != high) add(std::max(low, high));
  }
  return out;
}

}  // namespace slm
