#include "format/gguf_metadata.h"

#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>

#include "util/error.h"

namespace slm {
namespace {

constexpr std::array<std::string_view, 13> kTypeNames{
    "u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "string", "array", "u64", "i64", "f64"};

template <class T>
constexpr bool kInteger = std::is_integral_v<T> && !std::is_same_v<T, bool>;

template <class T>
constexpr bool kNumber = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;

// The value as a signed integer; absent when it is none or does not fit.
std::optional<int64_t> as_integer(const GgufValue& value) {
  return std::visit(
      [](const auto& x) -> std::optional<int64_t> {
        using T = std::decay_t<decltype(x)>;
        if constexpr (kInteger<T>)
          if (std::in_range<int64_t>(x)) return int64_t(x);
        return {};
      },
      value);
}

std::optional<double> as_number(const GgufValue& value) {
  return std::visit(
      [](const auto& x) -> std::optional<double> {
        if constexpr (kNumber<std::decay_t<decltype(x)>>)
          if (std::isfinite(double(x))) return double(x);
        return {};
      },
      value);
}

// A short picture of a value for messages.
std::string shown(const GgufValue& value) {
  if (auto integer = as_integer(value)) return std::to_string(*integer);
  if (auto* text = std::get_if<std::string>(&value)) return format("\"{}\"", text->substr(0, 40));
  return gguf_type_name(value);
}

}  // namespace

std::string gguf_type_name(const GgufValue& value) {
  if (auto* array = std::get_if<GgufArray>(&value))
    return format("array of {}", kTypeNames[array->index()]);
  return std::string(kTypeNames[value.index()]);
}

const GgufValue* GgufMetadata::find(std::string_view key) const {
  auto it = index_.find(std::string(key));
  return it == index_.end() ? nullptr : &items_[it->second].value;
}

void GgufMetadata::set(std::string key, GgufValue value) {
  auto [it, fresh] = index_.emplace(key, items_.size());
  if (fresh)
    items_.push_back({std::move(key), std::move(value)});
  else
    items_[it->second].value = std::move(value);
}

void GgufMetadata::add(std::string key, GgufValue value) {
  check_data(!has(key), "{}: key \"{}\" appears a second time", origin_, key);
  set(std::move(key), std::move(value));
}

const GgufValue& GgufMetadata::at(std::string_view key, std::string_view expected) const {
  const GgufValue* value = find(key);
  check_data(value, "{}: key \"{}\" is missing, expected {}", origin_, key, expected);
  return *value;
}

int64_t GgufMetadata::integer(std::string_view key, int64_t least, int64_t most) const {
  const GgufValue& value = at(key, "an integer");
  auto integer = as_integer(value);
  check_data(integer && *integer >= least && *integer <= most,
             "{}: key \"{}\" must be an integer from {} to {}, found {}", origin_, key, least, most,
             shown(value));
  return *integer;
}

double GgufMetadata::number(std::string_view key) const {
  const GgufValue& value = at(key, "a number");
  auto number = as_number(value);
  check_data(number.has_value(), "{}: key \"{}\" must be a finite number, found {}", origin_, key,
             shown(value));
  return *number;
}

bool GgufMetadata::boolean(std::string_view key) const {
  const GgufValue& value = at(key, "a bool");
  const bool* flag = std::get_if<bool>(&value);
  check_data(flag, "{}: key \"{}\" must be a bool, found {}", origin_, key, shown(value));
  return *flag;
}

const std::string& GgufMetadata::string(std::string_view key) const {
  const GgufValue& value = at(key, "a string");
  const std::string* text = std::get_if<std::string>(&value);
  check_data(text, "{}: key \"{}\" must be a string, found {}", origin_, key, shown(value));
  return *text;
}

const std::vector<std::string>& GgufMetadata::strings(std::string_view key) const {
  const GgufValue& value = at(key, "an array of strings");
  const GgufArray* array = std::get_if<GgufArray>(&value);
  auto* list = array ? std::get_if<std::vector<std::string>>(array) : nullptr;
  check_data(list, "{}: key \"{}\" must be an array of strings, found {}", origin_, key,
             shown(value));
  return *list;
}

std::vector<int32_t> GgufMetadata::integers(std::string_view key) const {
  const GgufValue& value = at(key, "an array of integers");
  std::vector<int32_t> result;
  bool ok = false;
  auto take = [&](const auto& list) {
    if constexpr (!std::is_same_v<std::decay_t<decltype(list)>, std::monostate>) {
      using T = typename std::decay_t<decltype(list)>::value_type;
      if constexpr (kInteger<T>) {
        ok = true;
        result.reserve(list.size());
        for (T x : list) {
          check_data(std::in_range<int32_t>(x), "{}: key \"{}\" holds {}, which needs over 32 bits",
                     origin_, key, x);
          result.push_back(int32_t(x));
        }
      }
    }
  };
  if (auto* array = std::get_if<GgufArray>(&value)) std::visit(take, *array);
  check_data(ok, "{}: key \"{}\" must be an array of integers, found {}", origin_, key,
             shown(value));
  return result;
}

std::vector<float> GgufMetadata::numbers(std::string_view key) const {
  const GgufValue& value = at(key, "an array of numbers");
  std::vector<float> result;
  bool ok = false;
  auto take = [&](const auto& list) {
    if constexpr (!std::is_same_v<std::decay_t<decltype(list)>, std::monostate>) {
      using T = typename std::decay_t<decltype(list)>::value_type;
      if constexpr (kNumber<T>) {
        ok = true;
        for (T x : list) result.push_back(float(x));
      }
    }
  };
  if (auto* array = std::get_if<GgufArray>(&value)) std::visit(take, *array);
  check_data(ok, "{}: key \"{}\" must be an array of numbers, found {}", origin_, key,
             shown(value));
  return result;
}

int64_t GgufMetadata::integer_or(std::string_view key, int64_t otherwise, int64_t least,
                                 int64_t most) const {
  return has(key) ? integer(key, least, most) : otherwise;
}
double GgufMetadata::number_or(std::string_view key, double otherwise) const {
  return has(key) ? number(key) : otherwise;
}
bool GgufMetadata::boolean_or(std::string_view key, bool otherwise) const {
  return has(key) ? boolean(key) : otherwise;
}
std::string GgufMetadata::string_or(std::string_view key, std::string otherwise) const {
  return has(key) ? string(key) : otherwise;
}

}  // namespace slm
