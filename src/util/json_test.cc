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

TEST(Json, RefusesWhatFollowsANul) {
  EXPECT_EQ(message([] { parse_json(std::string_view("{}\0junk", 7), "f"); }),
            "f: not valid JSON: it holds a NUL byte");
}

TEST(Json, RefusesDuplicateKeysAndDepth) {
  EXPECT_EQ(message([] { parse_json(R"({"a":1,"a":2})", "f"); }),
            "f: key \"a\" appears twice in one object");
  EXPECT_NE(message([] { parse_json(std::string(100000, '['), "f"); }).find("nested deeper"),
            std::string::npos);
  EXPECT_NO_THROW(parse_json(R"({"a":{"a":1},"b":[{"a":1},{"a":1}]})", "f"));
}

TEST(Json, KeepsOrderAndValuesOfAWideObject) {  // quadratic building would take minutes here
  std::string text = "{";
  for (int i = 0; i < 300000; ++i) text += format("\"k{}\":[{}],", i, i);
  text.back() = '}';
  Json j = parse_json(text, "f");
  ASSERT_EQ(j.size(), 300000u);
  EXPECT_EQ(j.begin().key(), "k0");
  EXPECT_EQ(j.back(), Json::array({299999}));
}

TEST(Json, BuildsEveryKindOfValue) {
  EXPECT_EQ(
      parse_json(R"([null,true,-1,2,0.5,"s",[],{},{"a":{"b":[1,{"c":2}]},"d":3}])", "f").dump(),
      R"([null,true,-1,2,0.5,"s",[],{},{"a":{"b":[1,{"c":2}]},"d":3}])");
  EXPECT_EQ(parse_json(" 7 ", "f"), 7);
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
