// Reads large JSON documents in place (simdjson) with errors that name the file and the key.
// util/json.h builds a value per node, which for a vocabulary of 100,000 strings is most of the
// time a program needs to start.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "util/error.h"

namespace slm {

// The beginning of a value as text, for messages.
std::string json_excerpt(simdjson::dom::element value);

// A value and where it stands: "tokenizer.json: model.merges[3]". Views into the parser's document.
class JsonView {
 public:
  JsonView(simdjson::dom::element value, std::string where)
      : value_(value), where_(std::move(where)) {}

  const std::string& where() const { return where_; }
  bool is_null() const { return value_.is_null(); }
  bool is_object() const { return value_.is_object(); }
  bool is_string() const { return value_.is_string(); }

  std::string_view string() const { return get<std::string_view>("a string"); }
  int64_t integer() const { return get<int64_t>("an integer"); }
  bool boolean() const { return get<bool>("true or false"); }
  simdjson::dom::array array() const { return get<simdjson::dom::array>("a list"); }
  simdjson::dom::object object() const { return get<simdjson::dom::object>("an object"); }

  // Members: at() needs them, find() gives nothing when they are absent or null.
  std::optional<JsonView> find(std::string_view key) const {
    simdjson::dom::element member;
    if (object().at_key(key).get(member) != simdjson::SUCCESS || member.is_null()) return {};
    return JsonView(member, where_ + "." + std::string(key));
  }
  JsonView at(std::string_view key) const {
    auto member = find(key);
    check_data(member.has_value(), "{} has no \"{}\"", where_, key);
    return *member;
  }
  bool boolean_or(std::string_view key, bool otherwise) const {
    auto member = find(key);
    return member ? member->boolean() : otherwise;
  }

  template <class Visit>
  void each(Visit&& visit) const {  // visit(JsonView) of a list
    size_t i = 0;
    for (auto item : array()) visit(JsonView(item, format("{}[{}]", where_, i++)));
  }

 private:
  template <class T>
  T get(std::string_view kind) const {
    T out;
    if (value_.get(out) != simdjson::SUCCESS) {
      fail(ErrorKind::kCorrupt, "{} must be {}, found {}", where_, kind, json_excerpt(value_));
    }
    return out;
  }

  simdjson::dom::element value_;
  std::string where_;
};

// Parses strictly; the view is valid as long as `parser` is and until it parses again.
JsonView parse_json_view(simdjson::dom::parser& parser, std::string_view text,
                         std::string_view origin);

}  // namespace slm
