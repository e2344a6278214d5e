#include "eval/python_text.h"

#include <gtest/gtest.h>

namespace slm {
namespace {

TEST(PythonText, CountsCodePoints) {
  EXPECT_EQ(code_points("90\u00b0 \u4e2d\U0001F600"), 6);
  EXPECT_EQ(code_points(""), 0);
}

TEST(PythonText, StripsWhatPythonCallsSpace) {
  EXPECT_EQ(strip("\u00a0\u3000 a b\u2003\x1f\n"), "a b");
  EXPECT_EQ(strip("\u200b"), "\u200b");  // zero width: not white space
  EXPECT_EQ(strip(" \t"), "");
  EXPECT_EQ(strip_right(" a "), " a");
}

TEST(PythonText, Capitalizes) {
  EXPECT_EQ(capitalize("a Dog BARKS"), "A dog barks");
  EXPECT_EQ(capitalize("\u00e9COLE"), "\u00c9cole");
  EXPECT_EQ(capitalize(""), "");
}

TEST(PythonText, ReplacesInOnePass) {
  EXPECT_EQ(replace_all("a     b", "  ", " "), "a   b");
  EXPECT_EQ(replace_all("aaa", "aa", "b"), "ba");
}

}  // namespace
}  // namespace slm
