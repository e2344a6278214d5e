// What a GGUF file says about itself: typed values under keys such as "general.architecture", kept
// in the order of the file. Format: the GGUF specification of the ggml project, version 3.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace slm {

// An array: numbers, bools or strings, never arrays. The index of each alternative is the number
// the format gives to its element type; 9 (arrays) is not used.
using GgufArray =
    std::variant<std::vector<uint8_t>, std::vector<int8_t>, std::vector<uint16_t>,
                 std::vector<int16_t>, std::vector<uint32_t>, std::vector<int32_t>,
                 std::vector<float>, std::vector<bool>, std::vector<std::string>, std::monostate,
                 std::vector<uint64_t>, std::vector<int64_t>, std::vector<double>>;

// The index of each alternative is the number the format gives to the type.
using GgufValue = std::variant<uint8_t, int8_t, uint16_t, int16_t, uint32_t, int32_t, float, bool,
                               std::string, GgufArray, uint64_t, int64_t, double>;

// Readers of a key take any integer type for an integer and any number for a number. Errors name
// the file, the key, what was expected and what was found.
class GgufMetadata {
 public:
  explicit GgufMetadata(std::string origin = "GGUF metadata") : origin_(std::move(origin)) {}

  struct Item {
    std::string key;
    GgufValue value;
  };
  const std::vector<Item>& items() const { return items_; }
  const std::string& origin() const { return origin_; }
  const GgufValue* find(std::string_view key) const;  // null when absent
  bool has(std::string_view key) const { return find(key) != nullptr; }

  // Adds a key or replaces its value. add() is the reader's: an error when the key is there.
  void set(std::string key, GgufValue value);
  void add(std::string key, GgufValue value);

  // Required values; `least` and `most` bound an integer. Numbers are finite.
  int64_t integer(std::string_view key, int64_t least = 0, int64_t most = int64_t{1} << 40) const;
  double number(std::string_view key) const;
  bool boolean(std::string_view key) const;
  const std::string& string(std::string_view key) const;
  const std::vector<std::string>& strings(std::string_view key) const;
  std::vector<int32_t> integers(std::string_view key) const;  // each fits in 32 bits
  std::vector<float> numbers(std::string_view key) const;

  // The default when the key is absent.
  int64_t integer_or(std::string_view key, int64_t otherwise, int64_t least = 0,
                     int64_t most = int64_t{1} << 40) const;
  double number_or(std::string_view key, double otherwise) const;
  bool boolean_or(std::string_view key, bool otherwise) const;
  std::string string_or(std::string_view key, std::string otherwise) const;

 private:
  const GgufValue& at(std::string_view key, std::string_view expected) const;

  std::string origin_;
  std::vector<Item> items_;
  std::unordered_map<std::string, size_t> index_;
};

// "u32", "string", "array of f32": for messages.
std::string gguf_type_name(const GgufValue& value);

}  // namespace slm
