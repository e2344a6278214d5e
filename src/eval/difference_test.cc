#include "eval/difference.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "util/files.h"

namespace slm {
namespace {

using testing::refusal;
using testing::scratch_dir;

TEST(Difference, McNemarCountsCoinThrows) {
  EXPECT_DOUBLE_EQ(mcnemar(0, 0), 1);
  EXPECT_NEAR(mcnemar(0, 5), 2.0 / 32, 1e-12);
  EXPECT_NEAR(mcnemar(1, 3), 2 * (1 + 4) / 16.0, 1e-12);
  EXPECT_DOUBLE_EQ(mcnemar(4, 4), 1);
}

TEST(Difference, NormalTails) {
  EXPECT_NEAR(two_sided_normal(1.959963984540054), 0.05, 1e-12);
  EXPECT_EQ(two_sided_normal(0), 1);
}

TEST(Difference, BootstrapSeesAShiftAndNotNoise) {
  std::vector<double> shifted, noise;
  for (int i = 0; i < 100; ++i) {
    shifted.push_back(0.5 + (i % 2 ? 0.1 : -0.1));
    noise.push_back(i % 2 ? 0.1 : -0.1);
  }
  Resampled shift = paired_bootstrap(shifted), none = paired_bootstrap(noise);
  EXPECT_LT(shift.p, 0.001);
  // The mean of 100 values +-0.1 has a standard error of 0.01; draws lie within six of them.
  EXPECT_GT(shift.low, 0.44);
  EXPECT_LT(shift.high, 0.56);
  EXPECT_GT(none.p, 0.5);
}

class Runs : public ::testing::Test {
 protected:
  // A run in which document d was right if `right` has a 1 there.
  std::filesystem::path run(const std::string& name, const std::string& right, bool samples,
                            const std::string& context = "c") {
    double sum = 0;
    std::string lines;
    for (size_t d = 0; d < right.size(); ++d) {
      double acc = right[d] - '0';
      sum += acc;
      lines +=
          format(R"({{"doc_id": {}, "metrics": {{"acc": {}}}, "requests": [{{"context": "{}", )"
                 R"("continuation": "x"}}]}})"
                 "\n",
                 d, acc, context);
    }
    double p = sum / double(right.size());
    auto path = dir_ / (name + ".json");
    write_file_atomically(
        path, format(R"({{"results": {{"boolq": {{"acc": {}, "acc_stderr": {}}}}}, "versions": )"
                     R"({{"boolq": 1}}}})",
                     p, std::sqrt(p * (1 - p) / double(right.size() - 1))));
    if (samples) write_file_atomically(dir_ / (name + ".boolq.samples.jsonl"), lines);
    return path;
  }
  std::filesystem::path dir_ = scratch_dir();
};

// Of twenty documents, eight went from wrong to right and none back: far beyond chance in pairs,
// within noise by the standard errors alone.
TEST_F(Runs, PairsSeeMoreThanStandardErrors) {
  const std::string before = "00000000111100000000", after = "11111111111100000000";
  auto paired = differences(run("a", before, true), run("b", after, true));
  ASSERT_EQ(paired.size(), 1u);
  EXPECT_EQ(paired[0].test, "McNemar");
  EXPECT_EQ(paired[0].documents, 20);
  EXPECT_NEAR(*paired[0].p, 2.0 / 256, 1e-12);
  EXPECT_NE(difference_table(paired, 0.05).find("B is higher"), std::string::npos);

  auto apart = differences(run("c", before, false), run("d", "00000000111110000000", false));
  EXPECT_EQ(apart[0].test, "z");
  EXPECT_EQ(apart[0].documents, 0);
  EXPECT_NE(difference_table(apart, 0.05).find("within noise"), std::string::npos);
}

TEST_F(Runs, OtherDocumentsCannotBePaired) {
  EXPECT_EQ(refusal([&] { differences(run("a", "0101", true), run("b", "0101", true, "other")); }),
            "boolq: document 0 is not the same in both: runs on other rows, or of another --seed, "
            "cannot be paired");
  EXPECT_EQ(refusal([&] { differences(run("a", "0101", true), run("b", "010", true)); }),
            "boolq: 4 documents in one sample file, 3 in the other");
}

TEST_F(Runs, ExamplesBeforeTheQuestionDoNotMatter) {
  auto rows =
      differences(run("a", "0101", true, "question"), run("b", "0111", true, "example question"));
  EXPECT_EQ(rows[0].documents, 4);
}

TEST_F(Runs, ADamagedSampleNamesItsLine) {
  auto a = run("a", "01", true), b = run("b", "01", true);
  auto file = dir_ / "b.boolq.samples.jsonl";
  write_file_atomically(file,
                        "{\"doc_id\": 0, \"metrics\": {}, \"requests\": []}\n{\"doc_id\": 1}\n");
  EXPECT_EQ(refusal([&] { differences(a, b); }), file.string() + ":2: key \"metrics\" is missing");
}

}  // namespace
}  // namespace slm
