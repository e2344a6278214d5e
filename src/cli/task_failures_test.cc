#include "cli/task_failures.h"

#include <gtest/gtest.h>

namespace slm {
namespace {

TEST(TaskFailures, ThatShareAReasonShareALine) {
  auto lines = failure_lines({{"biology", "rows.jsonl: no rows for biology"},
                              {"physics", "rows.jsonl: no rows for physics"},
                              {"piqa", "no file"},
                              {"virology", "rows.jsonl: no rows for virology"}},
                             "was not evaluated");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0],
            "stablelm: biology was not evaluated: rows.jsonl: no rows for biology; the "
            "same for 2 more: physics, virology");
  EXPECT_EQ(lines[1], "stablelm: piqa was not evaluated: no file");
}

TEST(TaskFailures, NoneNoLines) { EXPECT_TRUE(failure_lines({}, "was not evaluated").empty()); }

}  // namespace
}  // namespace slm
