#include "util/config_file.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <sstream>

#include "util/error.h"

namespace slm {
namespace {

constexpr size_t kMaxDepth = 16;  // published files nest four deep

std::string normalised(std::string key) {
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

// Builds values from the parser's events; the graph that YAML's aliases could make never exists.
class Builder : public YAML::EventHandler {
 public:
  explicit Builder(const std::string& origin) : origin_(origin) {}

  ConfigValue root;

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { scalar({.line = line(mark)}); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    fail(ErrorKind::kInvalid, "{}:{}: YAML aliases are not supported here", origin_, line(mark));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& text) override {
    bool quoted = tag == "!";
    bool null = !quoted && (text.empty() || text == "~" || text == "null");
    scalar({.kind = null ? ConfigValue::Kind::kNull : ConfigValue::Kind::kScalar,
            .text = text,
            .quoted = quoted,
            .line = line(mark)});
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open({.kind = ConfigValue::Kind::kList, .line = line(mark)});
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open({.kind = ConfigValue::Kind::kMap, .line = line(mark)});
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    ConfigValue value;
    bool has_key = false;
    std::string key;
  };

  static int line(const YAML::Mark& mark) { return mark.line + 1; }

  void open(ConfigValue value) {
    check(levels_.size() < kMaxDepth, "{}:{}: nested deeper than {}", origin_, value.line,
          kMaxDepth);
    bool as_key = !levels_.empty() && levels_.back().value.kind == ConfigValue::Kind::kMap &&
                  !levels_.back().has_key;
    check(!as_key, "{}:{}: a key must be a word", origin_, value.line);
    levels_.push_back({std::move(value)});
  }

  void close() {
    ConfigValue value = std::move(levels_.back().value);
    levels_.pop_back();
    place(std::move(value));
  }

  void scalar(ConfigValue value) {
    bool as_key = !levels_.empty() && levels_.back().value.kind == ConfigValue::Kind::kMap &&
                  !levels_.back().has_key;
    if (!as_key) return place(std::move(value));
    check(value.kind == ConfigValue::Kind::kScalar, "{}:{}: a key must be a word", origin_,
          value.line);
    levels_.back().key = normalised(value.text);
    levels_.back().has_key = true;
  }

  void place(ConfigValue value) {
    if (levels_.empty()) {
      root = std::move(value);
      return;
    }
    Level& level = levels_.back();
    if (level.value.kind == ConfigValue::Kind::kList) {
      level.value.items.push_back(std::move(value));
      return;
    }
    level.value.fields.push_back({std::move(level.key), std::move(value)});
    level.has_key = false;
  }

  const std::string& origin_;
  std::vector<Level> levels_;
};

}  // namespace

ConfigValue parse_config_value(std::string_view text, const std::string& origin) {
  std::istringstream in{std::string(text)};
  Builder builder(origin);
  try {
    YAML::Parser parser(in);
    parser.HandleNextDocument(builder);
  } catch (const YAML::Exception& e) {
    fail(ErrorKind::kInvalid, "{}:{}:{}: {}", origin, e.mark.line + 1, e.mark.column + 1, e.msg);
  }
  return std::move(builder.root);
}

ConfigValue parse_config(std::string_view text, const std::string& origin) {
  ConfigValue root = parse_config_value(text, origin);
  check(root.kind == ConfigValue::Kind::kMap, "{}: expected key: value pairs, found something else",
        origin);
  return root;
}

}  // namespace slm
