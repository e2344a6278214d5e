// Run configurations and tasks as people write them: YAML (block style, or the JSON-like flow style
// of GPT-NeoX with comments and trailing commas), read into plain values that remember where they
// stood.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace slm {

struct ConfigField;

struct ConfigValue {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  std::string text;     // of a scalar
  bool quoted = false;  // a scalar written in quotes is text, never a number
  std::vector<ConfigValue> items;
  std::vector<ConfigField> fields;
  int line = 0;  // counts from 1
};

struct ConfigField {
  std::string key;  // with underscores: "train-iters" and "train_iters" are one key
  ConfigValue value;
};

// One top-level mapping. Errors name the origin and the line. Aliases and nesting deeper than 16
// are refused.
ConfigValue parse_config(std::string_view text, const std::string& origin);

// One value, as on a command line: `1e-3`, `[a, b]`, `"text"`.
ConfigValue parse_config_value(std::string_view text, const std::string& origin);

}  // namespace slm
