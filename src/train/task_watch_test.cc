#include "train/task_watch.h"

#include <gtest/gtest.h>

#include "comm/local.h"
#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "support/test_data.h"
#include "train/initialize.h"
#include "train/model_shape.h"
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

// A row scores the same texts in step; another count of batches, or an end that only one part sees,
// would leave the other waiting.
TEST(TaskWatch, PartsOfAModelScoreTogether) {
  RunConfig config = tiny_run(scratch_dir(), with_quiz());
  std::vector<std::string> notes;
  ModelConfig model = model_for_training(config.shape, config.shape.vocab_size, {}, notes);
  TaskWatch watch(config, model);
  auto score = [&](int processes, int parts, bool stop) {
    Results results;
    run_local_ranks(processes, [&](Comm& comm) {
      ProcessGrid grid(comm, parts);
      ModelPart mine(model.spec, grid.part(), grid.parts());
      auto backend = make_cpu_backend({.threads = 1});
      Parameters parameters = initial_parameters(mine, config.init, 1);
      Decoder decoder(mine.spec(), parameters, grid.sum(*backend));
      Results found = watch.run(decoder, *backend, grid,
                                [&] { return stop && comm.rank() == comm.size() - 1; });
      if (comm.first()) results = found;
    });
    return results;
  };
  Results one = score(1, 1, false), four = score(4, 2, false);
  ASSERT_EQ(four.tasks.size(), 1u);
  EXPECT_EQ(four.tasks[0].value("acc"), one.tasks[0].value("acc"));
  EXPECT_NO_THROW(score(2, 2, true));
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
