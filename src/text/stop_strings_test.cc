#include "text/stop_strings.h"

#include <gtest/gtest.h>

#include "util/error.h"

namespace slm {
namespace {

// Feeds the text in pieces of `size` and returns all that was shown.
std::string shown(std::vector<std::string> stops, std::string_view text, size_t size,
                  bool* matched) {
  StopStrings stop(std::move(stops));
  std::string out;
  for (size_t i = 0; i < text.size(); i += size) out += stop.push(text.substr(i, size));
  out += stop.finish();
  *matched = stop.matched();
  return out;
}

TEST(StopStrings, CutAtTheStopHoweverTheTextArrives) {
  for (size_t size = 1; size < 20; ++size) {
    bool matched;
    EXPECT_EQ(shown({"### Human:", "\n\n"}, "Hi ## ### Hum ### Human: you", size, &matched),
              "Hi ## ### Hum ");
    EXPECT_TRUE(matched);
    EXPECT_EQ(shown({"aab"}, "aaaabaab", size, &matched), "aa");
    EXPECT_TRUE(matched);
    EXPECT_EQ(shown({"aab"}, "xaaaa", size, &matched), "xaaaa");
    EXPECT_FALSE(matched);
  }
}

TEST(StopStrings, HoldsBackOnlyWhatMayBecomeAStop) {
  StopStrings stop({"###"});
  EXPECT_EQ(stop.push("a#"), "a");
  EXPECT_EQ(stop.push("#b"), "##b");
  EXPECT_EQ(stop.push("##"), "");
  EXPECT_EQ(stop.finish(), "##");
}

TEST(StopStrings, NoneShowsEverythingAndEmptyIsRefused) {
  StopStrings none({});
  EXPECT_EQ(none.push("text"), "text");
  EXPECT_THROW(StopStrings({""}), Error);
}

}  // namespace
}  // namespace slm
