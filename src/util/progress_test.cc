#include "util/progress.h"

#include <gtest/gtest.h>

#include <cmath>

#include "util/nearest_name.h"

namespace slm {
namespace {

std::string written_by(ProgressOptions options, auto&& action) {
  std::FILE* file = std::tmpfile();
  options.stream = file;
  {
    Progress progress(options);
    action(progress);
  }
  std::string text(size_t(std::ftell(file)), '\0');
  std::rewind(file);
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

TEST(Progress, SilentForShortJobs) {
  EXPECT_EQ(written_by({.label = "encoding", .total = 10},
                       [](Progress& p) {
                         for (int i = 1; i <= 10; ++i) p.update(i);
                       }),
            "");
}

TEST(Progress, PlainLinesWhenNotOnATerminal) {
  std::string text = written_by(
      {.label = "encoding", .unit = "MB", .total = 10, .quiet_seconds = 0, .plain_seconds = 1e-9},
      [](Progress& p) {
        p.update(5, "file a");
        p.print("kept");
      });
  EXPECT_EQ(text.rfind("encoding  50% | file a | ", 0), 0u) << text;
  EXPECT_NE(text.find(" MB/s | ETA "), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("\nkept\n")) << text;
  EXPECT_EQ(text.find('\r'), std::string::npos);
}

TEST(Progress, NumbersForPeople) {
  EXPECT_EQ(format_duration(0.0123), "12 ms");
  EXPECT_EQ(format_duration(59.6), "1 min 00 s");
  EXPECT_EQ(format_duration(7800), "2 h 10 min");
  EXPECT_EQ(format_duration(360000), "4 d 4 h");
  EXPECT_EQ(format_duration(INFINITY), "unknown");
  EXPECT_EQ(format_count(812), "812");
  EXPECT_EQ(format_count(999.6), "1.00k");
  EXPECT_EQ(format_count(12345), "12.3k");
  EXPECT_EQ(format_count(4.006e12), "4.01T");
  EXPECT_EQ(format_bytes(512), "512 B");
  EXPECT_EQ(format_bytes(1.5 * 1024 * 1024), "1.50 MiB");
}

TEST(NearestName, LikelyMisspellingsOnly) {
  constexpr std::string_view kNames[]{"weight_decay", "warmup", "seed"};
  EXPECT_EQ(nearest_name("wieght_decay", kNames), "weight_decay");
  EXPECT_EQ(nearest_name("warm_up", kNames), "warmup");
  EXPECT_EQ(nearest_name("zzz", kNames), "");
  EXPECT_EQ(nearest_name(std::string(100000, 'a'), kNames), "");
}

}  // namespace
}  // namespace slm
