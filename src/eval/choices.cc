#include "eval/choices.h"

#include <cmath>

#include "eval/python_text.h"
#include "util/error.h"

namespace slm {
namespace {

int64_t label_value(const Json& value, int64_t first) {
  if (value.is_boolean()) return value.get<bool>() - first;
  if (value.is_number()) {
    double wide = value.get<double>();
    return wide == std::floor(wide) && std::abs(wide) < 1e9 ? int64_t(wide) - first : -1;
  }
  if (!value.is_string()) return -1;
  std::string_view text = strip(value.get_ref<const std::string&>());
  if (text.size() != 1) return -1;
  if (text[0] >= '0' && text[0] <= '9') return text[0] - '0' - first;
  return text[0] >= 'A' && text[0] <= 'Z' ? text[0] - 'A' : -1;
}

}  // namespace

std::vector<std::string> strings(const Json& array, const std::string& what) {
  check_data(array.is_array(), "{} must be an array of strings", what);
  std::vector<std::string> out;
  for (const Json& item : array) {
    check_data(item.is_string(), "{} must be an array of strings; number {} is not one", what,
               out.size() + 1);
    out.push_back(item.get<std::string>());
  }
  return out;
}

std::vector<std::string> strings(const JsonObject& row, std::string_view key) {
  return strings(row.at(key), format("{}: key \"{}\"", row.origin(), key));
}

int64_t label(const JsonObject& row, std::string_view key, int64_t first, int64_t count) {
  const Json& value = row.at(key);
  int64_t index = label_value(value, first);
  check_data(index >= 0 && index < count, "{}: key \"{}\" must be an answer in {}..{}, found {}",
             row.origin(), key, first, first + count - 1, value.dump());
  return index;
}

Document choice_document(const JsonObject& row, std::string text, std::vector<std::string> choices,
                         int64_t gold) {
  const int64_t count = std::ssize(choices);
  check_data(count > 0, "{}: the row has no answers to choose from", row.origin());
  check_data(gold >= 0 && gold < count, "{}: the right answer is number {}, but there are {}",
             row.origin(), gold + 1, count);
  for (size_t i = 0; i < choices.size(); ++i)
    check_data(!choices[i].empty(), "{}: answer number {} is empty", row.origin(), i + 1);
  std::string target = " " + choices[size_t(gold)];
  return {.text = std::move(text),
          .target = std::move(target),
          .choices = std::move(choices),
          .gold = gold};
}

std::vector<Request> one_per_choice(const Document& document, const std::string& context) {
  std::vector<Request> out;
  for (const std::string& choice : document.choices)
    out.push_back({.context = context, .continuation = " " + choice});
  return out;
}

size_t argmax(std::span<const double> values) {
  size_t best = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) return i;
    if (values[i] > values[best]) best = i;
  }
  return best;
}

std::vector<MetricItem> accuracy(const Document& document, std::span<const Score> scores) {
  std::vector<double> whole, per_character;
  for (size_t i = 0; i < scores.size(); ++i) {
    whole.push_back(scores[i].log_likelihood);
    per_character.push_back(whole[i] / double(code_points(document.choices[i])));
  }
  auto gold = size_t(document.gold);
  return {{double(argmax(whole) == gold)}, {double(argmax(per_character) == gold)}};
}

std::vector<Metric> accuracy_metrics() { return {{"acc"}, {"acc_norm"}}; }

}  // namespace slm
