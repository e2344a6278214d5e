#include "util/json.h"

#include <gtest/gtest.h>

namespace slm {
namespace {

std::string message(const auto& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(Json, NamesOriginOfSyntaxErrors) {
  std::string text = message([] { parse_json("{\"a\": }", "config.json"); });
  EXPECT_EQ(text.rfind("config.json: not valid JSON", 0), 0u) << text;
}

TEST(Json, RefusesDuplicateKeysAndDepth) {
  EXPECT_EQ(message([] { parse_json(R"({"a":1,"a":2})", "f"); }),
            "f: key \"a\" appears twice in one object");
  EXPECT_NE(message([] { parse_json(std::string(100000, '['), "f"); }).find("nested deeper"),
            std::string::npos);
  EXPECT_NO_THROW(parse_json(R"({"a":{"a":1},"b":[{"a":1},{"a":1}]})", "f"));
}

TEST(Json, ObjectErrorsNameTheKey) {
  Json j = parse_json(R"({"n": "abc", "big": 1e99, "whole": 4096.0, "none": null})", "f");
  JsonObject object(j, "f");
  EXPECT_EQ(message([&] { object.integer("n"); }),
            "f: key \"n\" must be an integer, found \"abc\"");
  EXPECT_EQ(message([&] { object.integer("absent"); }), "f: key \"absent\" is missing");
  EXPECT_NE(message([&] { object.integer("big"); }).find("must lie in"), std::string::npos);
  EXPECT_EQ(object.integer("whole"), 4096);
  EXPECT_EQ(object.integer_or("none", 7), 7);
}

}  // namespace
}  // namespace slm
