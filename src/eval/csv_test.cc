#include "eval/csv.h"

#include <gtest/gtest.h>

#include "support/refusal.h"

namespace slm {
namespace {

using Fields = std::vector<std::string>;

TEST(Csv, QuotesCommasAndLineBreaks) {
  auto rows = parse_csv("a,\"b, \"\"c\"\"\nd\",\r\n\r\ne,,f", "t.csv");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].fields, (Fields{"a", "b, \"c\"\nd", ""}));
  EXPECT_EQ(rows[1].fields, (Fields{"e", "", "f"}));
  EXPECT_EQ(rows[0].line, 1);
  EXPECT_EQ(rows[1].line, 4);
}

TEST(Csv, ErrorsNameTheLine) {
  EXPECT_EQ(testing::refusal([] { parse_csv("a\n\"b", "t.csv"); }),
            "t.csv:2: a quoted field does not end");
  EXPECT_EQ(testing::refusal([] { parse_csv("\"a\"b", "t.csv"); }),
            "t.csv:1: expected a comma after a quoted field");
}

TEST(Csv, NothingInNothing) { EXPECT_TRUE(parse_csv("\xef\xbb\xbf\n\n", "t.csv").empty()); }

}  // namespace
}  // namespace slm
