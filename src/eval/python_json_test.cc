#include "eval/python_json.h"

#include <gtest/gtest.h>

#include <limits>

namespace slm {
namespace {

TEST(PythonJson, Numbers) {
  const std::pair<double, const char*> cases[] = {
      {0, "0.0"},
      {1, "1.0"},
      {0.5, "0.5"},
      {-0.0, "-0.0"},
      {5e-5, "5e-05"},
      {1.5e-7, "1.5e-07"},
      {1e16, "1e+16"},
      {1e-4, "0.0001"},
      {9999999999999998, "9999999999999998.0"},
      {1e300, "1e+300"},
      {0.1 + 0.2, "0.30000000000000004"},
      {std::numeric_limits<double>::quiet_NaN(), "NaN"},
      {-std::numeric_limits<double>::infinity(), "-Infinity"}};
  for (auto [value, text] : cases) EXPECT_EQ(python_number(value), text);
}

TEST(PythonJson, Strings) {
  EXPECT_EQ(python_string("a/\"\\\n\r\t\b\f\x01\x7f"), R"("a/\"\\\n\r\t\b\f\u0001\u007f")");
  EXPECT_EQ(python_string("\u00e9\U0001F600"), R"("\u00e9\ud83d\ude00")");
}

TEST(PythonJson, Layout) {
  Json value = {{"a", {1, 2.0}}, {"b", Json::array()}, {"c", Json::object()}, {"d", nullptr}};
  EXPECT_EQ(python_json(value), R"({"a": [1, 2.0], "b": [], "c": {}, "d": null})");
  EXPECT_EQ(python_json(value, 2),
            "{\n  \"a\": [\n    1,\n    2.0\n  ],\n  \"b\": [],\n  \"c\": {},\n  \"d\": null\n}");
}

Request pair(std::string context, std::string continuation) {
  return {.context = std::move(context), .continuation = std::move(continuation)};
}

// Values computed with Python's json and hashlib.
TEST(PythonJson, HashesOfRequests) {
  EXPECT_EQ(request_list_hash(std::vector{pair("a \u00e9\n", " b\"")}),
            "9903efb9ba5766e7467f6b517c381edbde149edb9a6fabe1bcb7ad97dd3155d9");
  EXPECT_EQ(request_list_hash(std::vector{pair("a", "b")}),
            "cccb00f1aa26751ef483ce54ac95ba9c914ccf956651f6453229f53f2b682f98");
  EXPECT_EQ(request_hash(pair("ctx", " \u00e9")),
            "4fddb560d54993942ec81230cd40048765562800481dbf769434f8ce9b5ea22f");
}

}  // namespace
}  // namespace slm
