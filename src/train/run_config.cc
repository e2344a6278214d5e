#include "train/run_config.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "train/config_key.h"
#include "train/derived_config.h"
#include "util/config_file.h"
#include "util/error.h"
#include "util/files.h"
#include "util/json.h"
#include "util/nearest_name.h"

namespace slm {
namespace {

// A value with what its error messages need.
struct Given {
  const ConfigValue& value;
  const std::string& key;
  const std::string& origin;

  Given item(size_t i) const { return {value.items[i], key, origin}; }

  [[noreturn]] void refuse(std::string_view expected) const {
    using Kind = ConfigValue::Kind;
    std::string found = value.kind == Kind::kScalar
                            ? format("{0}{1}{0}", value.quoted ? "\"" : "", value.text)
                        : value.kind == Kind::kList ? "a list"
                        : value.kind == Kind::kMap  ? "a mapping"
                                                    : "nothing";
    fail(ErrorKind::kInvalid, "{}:{}: key \"{}\" must be {}, found {}", origin, value.line, key,
         expected, found);
  }
  void require(bool ok, std::string_view expected) const {
    if (!ok) refuse(expected);
  }
};

// YAML numbers with `_` between digits; also 1e-10, which YAML 1.1 would call a string.
std::optional<double> to_number(const ConfigValue& v) {
  if (v.kind != ConfigValue::Kind::kScalar || v.quoted) return {};
  std::string digits = v.text;
  std::erase(digits, '_');
  if (digits.starts_with('+')) digits.erase(0, 1);
  double number = 0;
  const char* end = digits.data() + digits.size();
  auto [rest, error] = std::from_chars(digits.data(), end, number);
  if (error != std::errc{} || rest != end || !std::isfinite(number)) return {};
  return number;
}

void assign(const Given& g, double& out) {
  auto number = to_number(g.value);
  g.require(number.has_value(), "a number");
  out = *number;
}

void assign(const Given& g, int64_t& out) {
  auto number = to_number(g.value);
  constexpr double kExact = 9007199254740992;  // 2^53: beyond it doubles skip integers
  g.require(number && *number == std::floor(*number) && std::abs(*number) <= kExact, "an integer");
  out = int64_t(*number);
}

void assign(const Given& g, bool& out) {
  std::string word = g.value.text;
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return char(std::tolower(c)); });
  bool yes = word == "true" || word == "yes" || word == "on";
  bool no = word == "false" || word == "no" || word == "off";
  g.require(g.value.kind == ConfigValue::Kind::kScalar && !g.value.quoted && (yes || no),
            "true or false");
  out = yes;
}

void assign(const Given& g, std::string& out) {
  g.require(g.value.kind == ConfigValue::Kind::kScalar, "text");
  out = g.value.text;
}

template <class T>
void assign(const Given& g, std::optional<T>& out) {
  assign(g, out.emplace());
}

template <class T>
void assign(const Given& g, std::vector<T>& out) {
  g.require(g.value.kind == ConfigValue::Kind::kList, "a list");
  out.clear();
  for (size_t i = 0; i < g.value.items.size(); ++i) assign(g.item(i), out.emplace_back());
}

void assign(const Given& g, AttentionRun& out) {
  g.require(g.value.kind == ConfigValue::Kind::kList && g.value.items.size() == 2,
            "a list of [[kinds], repeats]");
  assign(g.item(0), out.kinds);
  assign(g.item(1), out.repeats);
}

// Whether the value of an ignored key asks for anything.
bool asks(const ConfigValue& v) {
  if (v.kind == ConfigValue::Kind::kList) return !v.items.empty();
  return v.kind == ConfigValue::Kind::kScalar && !v.text.empty() && v.text != "false" &&
         v.text != "0";
}

class Reader {
 public:
  explicit Reader(RunConfig& config) : config_(config) {}

  void read(const ConfigValue& map, const std::string& origin, const std::string& prefix = {}) {
    for (const ConfigField& field : map.fields) {
      std::string key = prefix + field.key;
      if (is_group(key)) {
        Given g{field.value, key, origin};
        g.require(field.value.kind == ConfigValue::Kind::kMap, "a mapping");
        read(field.value, origin, key + ".");
      } else {
        set(key, field.value, origin, /*override=*/false);
      }
    }
  }

  void set(const std::string& key, const ConfigValue& value, const std::string& origin,
           bool override) {
    const ConfigKey* row = find_config_key(key);
    if (!row) refuse_unknown(key, value, origin);
    if (!override) note_duplicate(key, value, origin);
    if (value.kind == ConfigValue::Kind::kNull) return;
    config_.given.insert(key);
    Given given{value, key, origin};
    std::visit(
        [&](auto* place) {
          std::remove_pointer_t<decltype(place)> unused{};
          assign(given, place ? *place : unused);
        },
        row->target(config_));
    if (row->use == KeyUse::kIgnored && asks(value))
      config_.notes.push_back(format("{}: {}", key, row->help));
  }

 private:
  static bool is_group(const std::string& key) {
    return std::any_of(config_keys().begin(), config_keys().end(), [&](const ConfigKey& k) {
      return k.name.size() > key.size() && k.name.starts_with(key) && k.name[key.size()] == '.';
    });
  }

  [[noreturn]] static void refuse_unknown(const std::string& key, const ConfigValue& value,
                                          const std::string& origin) {
    std::vector<std::string_view> names;
    for (const ConfigKey& k : config_keys()) names.push_back(k.name);
    std::string nearest = nearest_name(key, names);
    std::string hint = nearest.empty() ? "" : format("; did you mean \"{}\"?", nearest);
    fail(ErrorKind::kInvalid, "{}:{}: unknown key \"{}\"{}", origin, value.line, key, hint);
  }

  void note_duplicate(const std::string& key, const ConfigValue& value, const std::string& origin) {
    auto [earlier, is_new] = seen_.emplace(key, origin);
    if (is_new) return;
    check(earlier->second == origin, "{}:{}: key \"{}\" was already given by {}", origin,
          value.line, key, earlier->second);
    config_.notes.push_back(
        format("{}:{}: key \"{}\" is given twice, the last one counts", origin, value.line, key));
  }

  RunConfig& config_;
  std::map<std::string, std::string> seen_;  // key -> the file that gave it
};

std::string print_value(int64_t v) { return format("{}", v); }
std::string print_value(bool v) { return v ? "true" : "false"; }
std::string print_value(const std::string& v) { return Json(v).dump(); }
std::string print_value(double v) {
  std::string text = format("{}", v);
  size_t e = text.find('e');  // YAML 1.1 reads 1e-06 as text and 1.0e-06 as a number
  if (e != std::string::npos && text.find('.') == std::string::npos) text.insert(e, ".0");
  return text;
}
std::string print_value(const AttentionRun& v);
template <class T>
std::string print_value(const std::vector<T>& v) {
  std::string text;
  for (const T& item : v) text += (text.empty() ? "" : ", ") + print_value(item);
  return "[" + text + "]";
}
std::string print_value(const AttentionRun& v) {
  return format("[{}, {}]", print_value(v.kinds), v.repeats);
}
template <class T>
std::string print_value(const std::optional<T>& v) {
  return v ? print_value(*v) : "";
}

// Empty: no place, or nothing in it.
std::string value_of(const RunConfig& config, const ConfigKey& key) {
  ConfigTarget target = key.target(const_cast<RunConfig&>(config));  // only read
  return std::visit([](auto* place) { return place ? print_value(*place) : ""; }, target);
}

}  // namespace

DType RunConfig::working_type() const {
  return precision == "fp16" ? DType::kF16 : precision == "bfloat16" ? DType::kBF16 : DType::kF32;
}

ConfigSource read_config_source(const std::filesystem::path& path) {
  constexpr int64_t kMaxBytes = 1 << 20;
  return {path.string(), read_file(path, kMaxBytes)};
}

void set_config_value(RunConfig& config, const std::string& key, std::string_view value,
                      const std::string& origin) {
  Reader(config).set(key, parse_config_value(value, origin), origin, /*override=*/true);
}

RunConfig read_run_config(const std::vector<ConfigSource>& files,
                          const std::vector<std::string>& overrides, int64_t processes) {
  RunConfig config;
  config.parallel.processes = processes;
  Reader reader(config);
  for (const ConfigSource& file : files) reader.read(parse_config(file.text, file.name), file.name);
  for (const std::string& text : overrides) {
    size_t equals = text.find('=');
    check(equals != std::string::npos && equals > 0, "--set {}: expected key=value", text);
    std::string key = text.substr(0, equals);
    std::replace(key.begin(), key.end(), '-', '_');
    set_config_value(config, key, text.substr(equals + 1), "--set");
  }
  derive(config);
  return config;
}

std::map<std::string, std::string> config_values(const RunConfig& config,
                                                 std::span<const std::string_view> keys) {
  std::map<std::string, std::string> values;
  for (std::string_view name : keys)
    values[std::string(name)] = value_of(config, *find_config_key(name));
  return values;
}

std::string print_run_config(const RunConfig& config) {
  std::string out;
  std::vector<std::string> open;  // groups we stand in
  for (const ConfigKey& key : config_keys()) {
    std::string value = value_of(config, key);
    if (value.empty()) continue;
    std::vector<std::string> path;
    std::string_view rest = key.name;
    for (size_t dot; (dot = rest.find('.')) != std::string_view::npos; rest.remove_prefix(dot + 1))
      path.emplace_back(rest.substr(0, dot));
    size_t shared = size_t(std::mismatch(open.begin(), open.end(), path.begin(), path.end()).first -
                           open.begin());
    for (size_t i = shared; i < path.size(); ++i) out += format("{:{}}{}:\n", "", 2 * i, path[i]);
    open = path;
    out += format("{:{}}{}: {}  # {}\n", "", 2 * path.size(), rest, value, key.help);
  }
  return out;
}

}  // namespace slm
