#include "data/token_summary.h"

#include <gtest/gtest.h>

#include "support/scratch_dir.h"

namespace slm {
namespace {

TEST(TokenSummary, CountsAndDrawsLengths) {
  auto prefix = testing::scratch_dir() / "t";
  TokenFileWriter writer(prefix, TokenType::kU16);
  for (int length : {3, 0, 1, 2, 3, 8, 3}) writer.add(std::vector<int32_t>(size_t(length), 7));
  writer.commit();
  TokenSummary s = summarize(TokenFile(prefix));
  EXPECT_EQ(s.documents, 7);
  EXPECT_EQ(s.tokens, 20);
  EXPECT_EQ(s.empty, 1);
  EXPECT_EQ(s.median, 3);
  EXPECT_EQ(s.shortest, 0);
  EXPECT_EQ(s.longest, 8);
  EXPECT_EQ(s.lengths, (std::vector<int64_t>{1, 1, 4, 0, 1}));
  std::string ten(10, '#'), forty(40, '#'), pad(20, ' ');
  EXPECT_EQ(draw_lengths(s), "  " + pad + "0 tokens        1  " + ten + "\n" +      //
                                 "  " + pad + "1 tokens        1  " + ten + "\n" +  //
                                 "  " + pad.substr(2) + "2-3 tokens        4  " + forty + "\n" +
                                 "  " + pad.substr(3) + "8-15 tokens        1  " + ten + "\n");
  TokenFileWriter none(prefix, TokenType::kU16);
  none.commit();
  EXPECT_EQ(draw_lengths(summarize(TokenFile(prefix))), "");
}

}  // namespace
}  // namespace slm
