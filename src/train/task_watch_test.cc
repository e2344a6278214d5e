#include "train/task_watch.h"

#include <gtest/gtest.h>

#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "support/test_data.h"
#include "train/tiny_run_test.h"

namespace slm {
namespace {

namespace fs = std::filesystem;
using testing::metrics;
using testing::refusal;
using testing::scratch_dir;
using testing::source_dir;
using testing::tiny_options;
using testing::tiny_run;

std::string quoted(const fs::path& path) { return "\"" + path.string() + "\""; }

std::vector<std::string> with_quiz(std::vector<std::string> more = {}) {
  fs::path tokenizer = source_dir() / "models" / "parrot" / "tokenizer.json";
  std::vector<std::string> all{"eval_tasks=[" + quoted(source_dir() / "docs" / "quiz.yml") + "]",
                               "eval_data_dir=" + quoted(source_dir() / "docs"),
                               "vocab_file=" + quoted(tokenizer),
                               "vocab_size=" + std::to_string(load_tokenizer(tokenizer)->size()),
                               "train_iters=2",
                               "eval_interval=1",
                               "eval_iters=0"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

TEST(TaskWatch, ResultsAreAmongTheMetrics) {
  fs::path directory = scratch_dir();
  PretrainOptions options = tiny_options();
  options.backend = "cpu";
  Pretraining(tiny_run(directory, with_quiz()), {}, options).run();
  auto evals = metrics(directory / "run", "eval");
  ASSERT_EQ(evals.size(), 2u);
  EXPECT_EQ(evals[1]["step"], 2);
  double accuracy = evals[1]["results"]["quiz"]["acc"].get<double>();
  EXPECT_GE(accuracy, 0);
  EXPECT_LE(accuracy, 1);
  EXPECT_TRUE(evals[1]["results"]["quiz"].contains("acc_norm_stderr"));
}

TEST(TaskWatch, IsOnlyForRunsThatSayWhereTheRowsAre) {
  std::string said;
  auto say = [&](std::string_view line) { said += line; };
  fs::path directory = scratch_dir();
  ModelConfig model{.spec = {.max_positions = 32}};
  EXPECT_FALSE(TaskWatch::make(tiny_run(directory), model, say));
  EXPECT_EQ(said, "");
  EXPECT_FALSE(TaskWatch::make(tiny_run(directory, with_quiz({"eval_data_dir=\"\""})), model, say));
  EXPECT_NE(said.find("eval_data_dir"), std::string::npos);
}

TEST(TaskWatch, RefusesTasksWithoutRowsAndRunsWithoutTokenizer) {
  fs::path directory = scratch_dir();
  ModelConfig model{.spec = {.max_positions = 32}};
  auto make = [&](std::vector<std::string> overrides) {
    return refusal([&] { TaskWatch(tiny_run(directory, with_quiz(overrides)), model); });
  };
  EXPECT_NE(make({"eval_tasks=[\"piqa\"]"}).find("piqa"), std::string::npos);
  EXPECT_NE(make({"vocab_file=\"\""}).find("tokenizer"), std::string::npos);
}

}  // namespace
}  // namespace slm
