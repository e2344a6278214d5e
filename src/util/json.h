// JSON from outside: parsed with limits, read with errors that name the file and the key.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "util/error.h"

namespace slm {

using Json = nlohmann::ordered_json;

// Parses strictly: UTF-8, no comments, no duplicate keys in one object, nesting of at most 64.
// `origin` (a file name, or "request body") starts every message.
Json parse_json(std::string_view text, std::string_view origin);

// Reads and parses a whole file; refuses files over `max_bytes`.
Json read_json_file(const std::filesystem::path& path, int64_t max_bytes = int64_t{1} << 28);

// A JSON object read key by key. Errors say "config.json: key "hidden_size" must be an integer,
// found "abc"".
class JsonObject {
 public:
  JsonObject(const Json& object, std::string origin);

  const Json& json() const { return *object_; }
  const std::string& origin() const { return origin_; }
  bool has(std::string_view key) const;          // present and not null
  const Json* find(std::string_view key) const;  // null when absent or JSON null
  const Json& at(std::string_view key) const;    // error when absent

  // Required values. Integers accept integral floats (4096.0); `least` and `most` bound the value.
  int64_t integer(std::string_view key, int64_t least = 0, int64_t most = int64_t{1} << 40) const;
  double number(std::string_view key) const;  // finite
  bool boolean(std::string_view key) const;
  std::string string(std::string_view key) const;

  // Optional values: the default when the key is absent or null, an error when it has the wrong
  // type.
  int64_t integer_or(std::string_view key, int64_t otherwise, int64_t least = 0,
                     int64_t most = int64_t{1} << 40) const;
  double number_or(std::string_view key, double otherwise) const;
  bool boolean_or(std::string_view key, bool otherwise) const;
  std::string string_or(std::string_view key, std::string otherwise) const;

 private:
  const Json* object_;
  std::string origin_;
};

}  // namespace slm
