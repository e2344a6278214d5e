#include "eval/user_task.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <memory>

#include "eval/choices.h"
#include "eval/python_text.h"
#include "text/jinja/template.h"
#include "util/error.h"
#include "util/files.h"
#include "util/nearest_name.h"

namespace slm {
namespace {

constexpr std::string_view kKeys[] = {"task",          "version",   "doc_to_text", "doc_to_choice",
                                      "doc_to_target", "answer_is", "metrics",     "description",
                                      "num_fewshot",   "until",     "max_tokens",  "data",
                                      "examples_data", "about"};

// The keys of the file; messages name its line.
class Settings {
 public:
  Settings(const ConfigValue& config, std::string origin) : origin_(std::move(origin)) {
    for (const ConfigField& field : config.fields) {
      if (std::find(std::begin(kKeys), std::end(kKeys), field.key) == std::end(kKeys)) {
        std::string near = nearest_name(field.key, kKeys);
        fail(ErrorKind::kInvalid, "{}: unknown key \"{}\"{}", at(field.value), field.key,
             near.empty() ? format("; there are {}", fmt::join(kKeys, ", "))
                          : "; did you mean " + near + "?");
      }
      check(!find(field.key), "{}: key \"{}\" appears twice", at(field.value), field.key);
      fields_.push_back(&field);
    }
  }

  std::string at(const ConfigValue& value) const { return format("{}:{}", origin_, value.line); }
  const std::string& origin() const { return origin_; }

  const ConfigValue* find(std::string_view key) const {
    for (const ConfigField* field : fields_)
      if (field->key == key && field->value.kind != ConfigValue::Kind::kNull) return &field->value;
    return nullptr;
  }
  std::string text(std::string_view key) const {
    const ConfigValue* value = find(key);
    return value ? scalar(*value, key) : std::string();
  }
  std::string required(std::string_view key) const {
    check(find(key), "{}: key \"{}\" is missing", origin_, key);
    return text(key);
  }
  std::optional<int> number(std::string_view key) const {
    const ConfigValue* value = find(key);
    if (!value) return {};
    int out = 0;
    const char* end = value->text.data() + value->text.size();
    auto parsed = std::from_chars(value->text.data(), end, out);
    check(parsed.ec == std::errc() && parsed.ptr == end && out >= 0,
          "{}: key \"{}\" must be a whole number, found {}", at(*value), key, value->text);
    return out;
  }
  std::vector<std::string> list(std::string_view key) const {
    const ConfigValue* value = find(key);
    if (!value) return {};
    if (value->kind == ConfigValue::Kind::kScalar) return {value->text};
    std::vector<std::string> out;
    for (const ConfigValue& item : value->items) out.push_back(scalar(item, key));
    check(!out.empty(), "{}: key \"{}\" must be a list of texts", at(*value), key);
    return out;
  }

 private:
  std::string scalar(const ConfigValue& value, std::string_view key) const {
    check(value.kind == ConfigValue::Kind::kScalar, "{}: key \"{}\" must be a text", at(value),
          key);
    return value.text;
  }

  std::string origin_;
  std::vector<const ConfigField*> fields_;
};

// A template over the keys of a row.
class RowTemplate {
 public:
  RowTemplate(const std::string& source, const std::string& origin)
      : template_(std::make_shared<jinja::Template>(source, origin)) {}
  std::string operator()(const JsonObject& row) const {
    try {
      return template_->render(*jinja::from_json(row.json()).dict(), std::time(nullptr)).str();
    } catch (const Error& e) {
      fail(e.kind(), "{}: {}", row.origin(), e.what());
    }
  }

 private:
  std::shared_ptr<const jinja::Template> template_;
};

// The options of a row: one template each, or the path of a list, "choices.text".
struct ChoiceRule {
  std::vector<RowTemplate> each;
  std::string path;

  std::vector<std::string> operator()(const JsonObject& row) const {
    std::vector<std::string> out;
    for (const RowTemplate& one : each) out.push_back(one(row));
    if (path.empty()) return out;
    const Json* value = &row.json();
    for (std::string_view rest = path; !rest.empty();) {
      std::string name(rest.substr(0, rest.find('.')));
      rest.remove_prefix(std::min(name.size() + 1, rest.size()));
      check_data(value->is_object() && value->contains(name), "{}: key \"{}\" of \"{}\" is missing",
                 row.origin(), name, path);
      value = &(*value)[name];
    }
    return strings(*value, format("{}: \"{}\"", row.origin(), path));
  }
};

enum class AnswerIs { kAny, kIndex, kLetter, kText };

std::optional<int64_t> as_index(std::string_view text, int64_t count) {
  int64_t value = -1;
  auto end = std::from_chars(text.data(), text.data() + text.size(), value);
  bool number = end.ec == std::errc() && end.ptr == text.data() + text.size();
  return number && value >= 0 && value < count ? std::optional(value) : std::nullopt;
}

std::optional<int64_t> as_letter(std::string_view text, int64_t count) {
  int64_t value = text.size() == 1 ? text[0] - 'A' : -1;
  return value >= 0 && value < count ? std::optional(value) : std::nullopt;
}

// Which option the answer of a row names. One that could name two must be explained by the file.
int64_t gold_of(const JsonObject& row, std::string_view answer, AnswerIs is,
                const std::vector<std::string>& choices) {
  answer = strip(answer);
  std::optional<int64_t> found;
  auto consider = [&](AnswerIs kind, std::optional<int64_t> index) {
    if (!index || (is != AnswerIs::kAny && is != kind)) return;
    check_data(!found || *found == *index,
               "{}: the answer {} is a choice, and the number or letter of another: say "
               "`answer_is: text`, `index` or `letter` in the task file",
               row.origin(), answer);
    found = index;
  };
  consider(AnswerIs::kIndex, as_index(answer, std::ssize(choices)));
  consider(AnswerIs::kLetter, as_letter(answer, std::ssize(choices)));
  auto same = std::find_if(choices.begin(), choices.end(),
                           [&](const std::string& c) { return strip(c) == answer; });
  if (same != choices.end()) consider(AnswerIs::kText, same - choices.begin());
  check_data(found.has_value(), "{}: the answer \"{}\" is none of {} choices", row.origin(), answer,
             choices.size());
  return *found;
}

AnswerIs answer_is(const Settings& settings) {
  std::string text = settings.text("answer_is");
  if (text.empty()) return AnswerIs::kAny;
  if (text == "index") return AnswerIs::kIndex;
  if (text == "letter") return AnswerIs::kLetter;
  check(text == "text", "{}: answer_is must be index, letter or text, found {}",
        settings.at(*settings.find("answer_is")), text);
  return AnswerIs::kText;
}

// A metric as each kind of task computes it.
struct MetricRule {
  Metric metric;
  MetricItem (*item)(const Document&, std::span<const Score>);
};

const std::vector<MetricRule> kChoiceMetrics{
    {{"acc"}, [](const Document& d, std::span<const Score> s) { return accuracy(d, s)[0]; }},
    {{"acc_norm"}, [](const Document& d, std::span<const Score> s) { return accuracy(d, s)[1]; }}};
const std::vector<MetricRule> kTargetMetrics{
    {{"ppl", Aggregation::kPerplexity},
     [](const Document&, std::span<const Score> s) { return MetricItem{s[0].log_likelihood}; }},
    {{"acc"},
     [](const Document&, std::span<const Score> s) { return MetricItem{double(s[0].greedy)}; }}};
const std::vector<MetricRule> kTextMetrics{
    {{"exact_match"}, [](const Document& d, std::span<const Score> s) {
       return MetricItem{double(strip(s[0].text) == strip(d.target))};
     }}};

void set_metrics(Task& task, const Settings& settings, const std::vector<MetricRule>& known) {
  std::vector<MetricRule> chosen;
  std::vector<std::string_view> names;
  for (const MetricRule& rule : known) names.push_back(rule.metric.name);
  for (const std::string& name : settings.list("metrics")) {
    auto it = std::find(names.begin(), names.end(), name);
    check(it != names.end(), "{}: metric \"{}\": a task of this kind has {}",
          settings.at(*settings.find("metrics")), name, fmt::join(names, ", "));
    chosen.push_back(known[size_t(it - names.begin())]);
  }
  if (chosen.empty()) chosen = known;
  for (const MetricRule& rule : chosen) task.metrics.push_back(rule.metric);
  task.process = [chosen](const Document& d, std::span<const Score> scores) {
    std::vector<MetricItem> out;
    for (const MetricRule& rule : chosen) out.push_back(rule.item(d, scores));
    return out;
  };
}

void ask_for_choice(Task& task, const Settings& settings, RowTemplate text, RowTemplate target) {
  const ConfigValue& value = *settings.find("doc_to_choice");
  ChoiceRule choices;
  if (value.kind == ConfigValue::Kind::kScalar)
    choices.path = value.text;
  else
    for (const std::string& one : settings.list("doc_to_choice"))
      choices.each.emplace_back(one, settings.at(value));
  check(choices.path.find('{') == std::string::npos,
        "{}: doc_to_choice is a list of templates, or the name of the row's list, as in "
        "choices.text",
        settings.at(value));
  task.document = [=, is = answer_is(settings)](const JsonObject& row) {
    std::vector<std::string> options = choices(row);
    check_data(!options.empty(), "{}: the row has no answers to choose from", row.origin());
    int64_t gold = gold_of(row, target(row), is, options);
    return choice_document(row, text(row), options, gold);
  };
  task.requests = one_per_choice;
  set_metrics(task, settings, kChoiceMetrics);
}

void ask_for_target(Task& task, const Settings& settings, RowTemplate text, RowTemplate target) {
  task.document = [=](const JsonObject& row) {
    return Document{.text = text(row), .target = " " + target(row)};
  };
  std::vector<std::string> until = settings.list("until");
  std::optional<int> most = settings.number("max_tokens");
  if (until.empty() && !most) {
    task.requests = [](const Document& d, const std::string& context) {
      return std::vector<Request>{{.context = context, .continuation = d.target}};
    };
    return set_metrics(task, settings, kTargetMetrics);
  }
  task.requests = [until, most](const Document&, const std::string& context) {
    return std::vector<Request>{{.kind = Request::Kind::kGreedyUntil,
                                 .context = context,
                                 .stop = until,
                                 .max_tokens = most.value_or(256)}};
  };
  set_metrics(task, settings, kTextMetrics);
}

RowTemplate row_template(const Settings& settings, std::string_view key) {
  std::string source = settings.required(key);
  return {source, settings.at(*settings.find(key)) + ": " + std::string(key)};
}

}  // namespace

Task user_task(const ConfigValue& config, const std::string& origin) {
  check(config.kind == ConfigValue::Kind::kMap, "{}: expected key: value pairs", origin);
  const Settings settings(config, origin);
  Task task{.name = settings.required("task"),
            .version = settings.number("version").value_or(0),
            .about = settings.text("about"),
            .data = {.dataset = "the task of " + origin, .row = "its templates use"},
            .description = settings.text("description"),
            .shots = settings.number("num_fewshot")};
  RowTemplate text = row_template(settings, "doc_to_text");
  RowTemplate target = row_template(settings, "doc_to_target");
  const std::filesystem::path folder = std::filesystem::path(origin).parent_path();
  if (std::string file = settings.text("data"); !file.empty())
    task.data.files[Split::kTest] = folder / file;
  if (std::string file = settings.text("examples_data"); !file.empty()) {
    task.data.files[Split::kTrain] = folder / file;
  } else {
    task.examples = Examples::kSampleOthers;
    task.examples_split = Split::kTest;
  }
  if (settings.find("doc_to_choice"))
    ask_for_choice(task, settings, text, target);
  else
    ask_for_target(task, settings, text, target);
  return task;
}

Task read_user_task(const std::filesystem::path& path) {
  constexpr int64_t kMaxBytes = 1 << 20;
  return user_task(parse_config(read_file(path, kMaxBytes), path.string()), path.string());
}

}  // namespace slm
