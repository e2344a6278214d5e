#include "eval/results.h"

#include <gtest/gtest.h>

#include <cmath>

#include "eval/console_table.h"
#include "support/refusal.h"
#include "support/test_data.h"
#include "util/files.h"

namespace slm {
namespace {

using testing::external_data;
using testing::refusal;

TEST(Results, NotNumbersComeBackAsTheyWere) {
  std::string text =
      "{\n  \"results\": {\n    \"t NaN\": {\n      \"acc\": NaN,\n      \"acc_stderr\": Infinity\n"
      "    }\n  },\n  \"versions\": {\n    \"t NaN\": 0\n  },\n  \"config\": {}\n}";
  Results results = parse_results(text, "r.json");
  EXPECT_TRUE(std::isnan(*results.find("t NaN")->value("acc")));
  EXPECT_EQ(write_results(results), text);
}

TEST(Results, NewerHarnesses) {
  Results results = parse_results(
      R"({"results": {"arc_easy": {"alias": "arc_easy", "acc,none": 0.5, "acc_stderr,none": 0.1}}})",
      "r.json");
  EXPECT_EQ(*results.find("arc_easy")->value("acc"), 0.5);
  EXPECT_EQ(*results.find("arc_easy")->standard_error("acc"), 0.1);
}

TEST(Results, ErrorsNameTheKey) {
  EXPECT_EQ(refusal([] { parse_results("{}", "r.json"); }),
            "r.json: not a result file: key \"results\" is missing");
  EXPECT_EQ(refusal([] { parse_results(R"({"results": {"t": {"acc": "much"}}})", "r.json"); }),
            "r.json: results of \"t\": key \"acc\" must be a number");
}

std::vector<std::filesystem::path> published() {
  std::vector<std::filesystem::path> out;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(external_data("data/eval/reference_results")))
    if (entry.is_regular_file()) out.push_back(entry.path());
  return out;
}

// All but the two in which two keys share a line.
TEST(Results, PublishedFilesAreWrittenAsTheyAre) {
  SLM_REQUIRE_EXTERNAL("data/eval/reference_results");
  int same = 0, other = 0;
  for (const auto& path : published()) {
    std::string text = read_file(path);
    const int indent = text.starts_with("{\n    ") ? 4 : 2;
    std::string written = write_results(read_results(path), indent);
    bool shares_a_line = text.find("\",\"num_fewshot\"") != text.npos;
    (written == text ? same : other) += 1;
    EXPECT_TRUE(written == text || shares_a_line) << path;
  }
  EXPECT_EQ(same + other, 37);
  EXPECT_EQ(other, 2);
}

TEST(Results, ConsoleTable) {
  Results results = parse_results(
      R"({"results": {"arc_challenge": {"acc": 0.37798, "acc_stderr": 0.01417, "acc_norm": 0.40017,
      "acc_norm_stderr": 0.0143}, "boolq": {"acc": 0.75627}}, "versions": {"arc_challenge": 0,
      "boolq": 1}, "config": {"model": "gpt2", "model_args": "pretrained=x", "num_fewshot": 0,
      "batch_size": "8", "batch_sizes": [], "limit": null}})",
      "r.json");
  EXPECT_EQ(results_table(results),
            "|    Task     |Version| Metric |Value |   |Stderr|\n"
            "|-------------|------:|--------|-----:|---|-----:|\n"
            "|arc_challenge|      0|acc     |0.3780|±  |0.0142|\n"
            "|             |       |acc_norm|0.4002|±  |0.0143|\n"
            "|boolq        |      1|acc     |0.7563|   |      |\n");
  EXPECT_EQ(summary_line(results),
            "gpt2 (pretrained=x), limit: None, provide_description: False, num_fewshot: 0, "
            "batch_size: 8");
}

}  // namespace
}  // namespace slm
