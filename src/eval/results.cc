#include "eval/results.h"

#include <cmath>
#include <limits>

#include "eval/python_json.h"
#include "util/error.h"
#include "util/files.h"

namespace slm {
namespace {

constexpr std::string_view kErrorSuffix = "_stderr";
constexpr std::string_view kNotNumbers[] = {"NaN", "-Infinity", "Infinity"};

// Python writes three values that JSON does not have: in quotes they get through the parser.
std::string quoted_not_numbers(std::string_view text) {
  std::string out;
  for (bool in_string = false; !text.empty();) {
    size_t length = in_string && text[0] == '\\' && text.size() > 1 ? 2 : 1;
    if (text[0] == '"') in_string = !in_string;
    bool replaced = false;
    for (std::string_view word : kNotNumbers) {
      if (in_string || !text.starts_with(word)) continue;
      out += format("\"{}\"", word);
      text.remove_prefix(word.size());
      replaced = true;
      break;
    }
    if (replaced) continue;
    out += text.substr(0, length);
    text.remove_prefix(length);
  }
  return out;
}

std::optional<double> number(const Json& value) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (value.is_number()) return value.get<double>();
  if (value == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (value == "Infinity") return kInfinity;
  if (value == "-Infinity") return -kInfinity;
  return {};
}

// Newer harnesses write "acc,none" and "acc_stderr,none", and notes that are not numbers.
TaskResult task_result(const std::string& name, const Json& metrics, const std::string& origin) {
  TaskResult out{.name = name};
  const JsonObject object(metrics, format("{}: results of \"{}\"", origin, name));
  for (const auto& [key, value] : metrics.items()) {
    bool text = value.is_string() && !number(value);
    if (text && (key == "alias" || value == "N/A")) continue;
    check_data(number(value).has_value(), "{}: key \"{}\" must be a number", object.origin(), key);
    out.values.emplace_back(key.substr(0, key.find(',')), *number(value));
  }
  return out;
}

}  // namespace

std::optional<double> TaskResult::value(std::string_view metric) const {
  for (const auto& [key, value] : values)
    if (key == metric) return value;
  return {};
}

std::optional<double> TaskResult::standard_error(std::string_view metric) const {
  return value(std::string(metric) + std::string(kErrorSuffix));
}

std::vector<std::string> TaskResult::metrics() const {
  std::vector<std::string> out;
  for (const auto& [key, unused] : values)
    if (!key.ends_with(kErrorSuffix)) out.push_back(key);
  return out;
}

void TaskResult::add(std::string metric, double value, std::optional<double> standard_error) {
  values.emplace_back(metric, value);
  if (standard_error) values.emplace_back(metric + std::string(kErrorSuffix), *standard_error);
}

const TaskResult* Results::find(std::string_view task) const {
  for (const TaskResult& result : tasks)
    if (result.name == task) return &result;
  return nullptr;
}

Results parse_results(std::string_view text, const std::string& origin) {
  const Json json = parse_json(quoted_not_numbers(text), origin);
  const JsonObject file(json, origin);
  check_data(file.has("results"), "{}: not a result file: key \"results\" is missing", origin);
  Results out;
  const JsonObject results(file.at("results"), origin + ": key \"results\"");
  for (const auto& [name, metrics] : results.json().items())
    out.tasks.push_back(task_result(name, metrics, origin));
  if (const Json* versions = file.find("versions")) {
    check_data(versions->is_object(), "{}: key \"versions\" must be an object", origin);
    for (const auto& [task, unused] : versions->items()) out.version_order.push_back(task);
    for (TaskResult& task : out.tasks)
      if (auto it = versions->find(task.name); it != versions->end()) task.version = *it;
  }
  if (const Json* config = file.find("config")) {
    check_data(config->is_object(), "{}: key \"config\" must be an object", origin);
    out.config = *config;
  }
  return out;
}

Results read_results(const std::filesystem::path& path) {
  constexpr int64_t kMaxBytes = int64_t{1} << 26;
  return parse_results(read_file(path, kMaxBytes), path.string());
}

std::string write_results(const Results& results, int indent) {
  Json values = Json::object(), versions = Json::object();
  for (const std::string& name : results.version_order)
    if (const TaskResult* task = results.find(name)) versions[name] = task->version;
  for (const TaskResult& task : results.tasks) {
    Json metrics = Json::object();
    for (const auto& [name, value] : task.values) metrics[name] = value;
    values[task.name] = std::move(metrics);
    versions[task.name] = task.version;
  }
  return python_json({{"results", values}, {"versions", versions}, {"config", results.config}},
                     indent);
}

}  // namespace slm
