#include "cli/terminal.h"

#include <gtest/gtest.h>

namespace slm {
namespace {

TEST(Terminal, ControlsAreShownNotObeyed) {
  EXPECT_EQ(without_controls("a\tb\nc"), "a\tb\nc");
  EXPECT_EQ(without_controls("\x1b[2J"), "\xEF\xBF\xBD[2J");
  EXPECT_EQ(without_controls("\r\x7f"), "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(without_controls("\xC2\x9B"
                             "31m"),
            "\xEF\xBF\xBD"
            "31m");  // the one-byte form of ESC [
  EXPECT_EQ(without_controls("\xC2\xA0\xC3\x9B\xE6\x97\xA5"), "\xC2\xA0\xC3\x9B\xE6\x97\xA5");
}

}  // namespace
}  // namespace slm
