// What checkpoints promise to a run: whatever happens to it, it ends in the same weights.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "format/safetensors.h"
#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "train/checkpoint_manifest.h"
#include "train/checkpoint_store.h"
#include "train/tiny_run_test.h"

namespace slm {
namespace {

namespace fs = std::filesystem;
using testing::final_state;
using testing::metrics;
using testing::refusal;
using testing::run_and_kill;
using testing::scratch_dir;
using testing::tiny_options;
using testing::tiny_run;

fs::path made(const fs::path& directory) {
  fs::create_directories(directory);
  return directory;
}

const std::vector<std::string> kOnlyAtTheEnd{"checkpoint_factor=0"};
const std::vector<std::string> kRewinding{"on_spike=rewind", "spike_threshold=4", "spike_window=4",
                                          "max_faults=20"};

TEST(RunCheckpoints, InTheBackgroundOrNotTheyAreTheSame) {
  fs::path directory = scratch_dir();
  ASSERT_TRUE(Pretraining(tiny_run(made(directory / "a")), {}, tiny_options()).run());
  RunConfig waiting = tiny_run(made(directory / "b"), {"checkpoint_async=false"});
  ASSERT_TRUE(Pretraining(waiting, {}, tiny_options()).run());
  for (const char* step : {"step_21", "step_24"})
    EXPECT_EQ(final_state(directory / "a" / "run" / step),
              final_state(directory / "b" / "run" / step));
  EXPECT_EQ(metrics(directory / "a" / "run", "save").size(), 8u);
}

TEST(RunCheckpoints, LogScaleAndExit) {
  fs::path directory = scratch_dir();
  RunConfig config = tiny_run(directory, {"checkpoint_factor=3", "checkpoint_scale=log",
                                          "keep_last_n_checkpoints=0", "exit_interval=16"});
  EXPECT_FALSE(Pretraining(config, {}, tiny_options()).run());
  CheckpointStore store(directory / "run");
  EXPECT_EQ(store.steps(), (std::vector<int64_t>{1, 3, 9, 16}));
  EXPECT_TRUE(Pretraining(config, {}, tiny_options(true)).run());
  EXPECT_EQ(store.steps(), (std::vector<int64_t>{1, 3, 9, 16, 24}));
}

// Sixteen bits of each weight in the model, all of it beside the moments.
TEST(RunCheckpoints, SavedInSixteenBitsTheyStillContinueExactly) {
  fs::path directory = scratch_dir();
  Pretraining(tiny_run(made(directory / "a"), kOnlyAtTheEnd), {}, tiny_options()).run();
  RunConfig config = tiny_run(made(directory / "b"), {"checkpoint_dtype=bf16", "exit_interval=10"});
  EXPECT_FALSE(Pretraining(config, {}, tiny_options()).run());
  EXPECT_EQ(open_safetensors(directory / "b" / "run" / "step_10" / "model.safetensors")
                .entries()[0]
                .dtype,
            DType::kBF16);
  config = tiny_run(directory / "b");
  EXPECT_TRUE(Pretraining(config, {}, tiny_options(true)).run());
  EXPECT_EQ(final_state(directory / "a" / "run" / "step_24"),
            final_state(directory / "b" / "run" / "step_24"));
}

TEST(RunCheckpoints, WithoutMoments) {
  fs::path directory = scratch_dir();
  RunConfig config = tiny_run(directory, {"no_save_optim=true", "exit_interval=10"});
  Pretraining(config, {}, tiny_options()).run();
  EXPECT_FALSE(fs::exists(directory / "run" / "step_10" / "optimizer.safetensors"));
  EXPECT_NE(refusal([&] { Pretraining(config, {}, tiny_options(true)); }).find("no_load_optim"),
            std::string::npos);
  EXPECT_NE(refusal([&] {
              tiny_run(directory, {"no_save_optim=true", "on_spike=rewind"});
            }).find("nothing to rewind to"),
            std::string::npos);
  config = tiny_run(directory, {"no_load_optim=true"});
  EXPECT_TRUE(Pretraining(config, {}, tiny_options(true)).run());
}

// The data goes on where it was, whatever the shape of the batches.
TEST(RunCheckpoints, AnotherMicroBatchContinuesWithTheSameData) {
  fs::path directory = scratch_dir();
  Pretraining(tiny_run(made(directory / "a"), kOnlyAtTheEnd), {}, tiny_options()).run();
  Pretraining(tiny_run(made(directory / "b"), {"exit_interval=9"}), {}, tiny_options()).run();
  RunConfig other = tiny_run(directory / "b",
                             {"train_micro_batch_size_per_gpu=4", "gradient_accumulation_steps=1"});
  EXPECT_TRUE(Pretraining(other, {}, tiny_options(true)).run());
  auto a = metrics(directory / "a" / "run", "step"), b = metrics(directory / "b" / "run", "step");
  ASSERT_EQ(a.size(), b.size());
  // Sums of 64 terms in another order, 15 steps of it.
  for (size_t i = 0; i < a.size(); ++i)
    EXPECT_NEAR(a[i]["loss"].get<double>(), b[i]["loss"].get<double>(), 64 * 15 * 1.2e-7) << i;
}

// A file size limit acts as a full disk does: the weights cannot be written, the run goes on.
TEST(RunCheckpoints, ADiskThatIsFullDoesNotEndTheRun) {
  fs::path directory = scratch_dir();
  Pretraining(tiny_run(made(directory / "a"), kOnlyAtTheEnd), {}, tiny_options()).run();
  RunConfig config = tiny_run(made(directory / "b"), {"exit_interval=6"});
  Pretraining(config, {}, tiny_options()).run();
  config = tiny_run(directory / "b");
  pid_t child = fork();
  if (child == 0) {
    std::freopen((directory / "said").c_str(), "w", stderr);
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{20000, 20000};  // bytes; a checkpoint's weights take more
    setrlimit(RLIMIT_FSIZE, &limit);
    try {
      Pretraining(config, {}, tiny_options(true)).run();
    } catch (const Error& e) {
      std::fprintf(stderr, "%s\n", e.what());
      std::fflush(stderr);
      _exit(e.kind() == ErrorKind::kIo ? 6 : 1);
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  std::string said = read_file(directory / "said");
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 6) << said;
  EXPECT_NE(said.find("checkpoint of step 9 could not be written"), std::string::npos) << said;
  EXPECT_NE(said.find("the newest one is of step 6"), std::string::npos) << said;
  EXPECT_NE(said.find("step 24/24"), std::string::npos) << said;  // it went on
  EXPECT_NE(said.find("make room and --resume"), std::string::npos) << said;
  CheckpointStore store(directory / "b" / "run");
  EXPECT_EQ(store.latest(), 6);
  EXPECT_EQ(store.steps().back(), 6);
  EXPECT_TRUE(store.remove_leftovers().empty());
  EXPECT_TRUE(Pretraining(config, {}, tiny_options(true)).run());
  EXPECT_EQ(final_state(directory / "a" / "run" / "step_24"),
            final_state(directory / "b" / "run" / "step_24"));
}

std::vector<Json> faults_of(const fs::path& run) {
  std::vector<Json> lines;
  std::string text = read_file(run / "faults.jsonl");
  for (size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
    lines.push_back(Json::parse(text.substr(at, end - at)));
  return lines;
}

TEST(RunFaults, ARewindLeavesOutTheDataThatLedToTheFault) {
  fs::path directory = scratch_dir();
  ASSERT_TRUE(Pretraining(tiny_run(directory, kRewinding), {}, tiny_options()).run());
  auto faults = faults_of(directory / "run");
  ASSERT_FALSE(faults.empty());
  EXPECT_EQ(faults[0]["action"], "rewind");
  EXPECT_EQ(faults[0]["data"].size(), 4u);
  EXPECT_FALSE(faults[0]["data"][0]["documents"].empty());
  Json state = Json::parse(read_file(directory / "run" / "step_24" / "trainer_state.json"));
  const Json& skipped = state["data"]["skipped"];
  ASSERT_EQ(skipped.size(), faults.size());
  int64_t left_out = 0;
  for (const Json& s : skipped)
    left_out += s["to_sample"].get<int64_t>() - s["from_sample"].get<int64_t>();
  EXPECT_EQ(state["consumed_samples"], 24 * 4 + left_out);
  EXPECT_EQ(state["faults"]["count"], faults.size());
  EXPECT_EQ(metrics(directory / "run", "step").size(), 24u);
}

TEST(RunFaults, ARewindingRunThatIsKilledEndsInTheSameWeights) {
  fs::path directory = scratch_dir();
  Pretraining(tiny_run(made(directory / "a"), kRewinding), {}, tiny_options()).run();
  RunConfig killed = tiny_run(made(directory / "b"), kRewinding);
  Rng rng(3);
  int kills = 0;
  for (int longest = 200'000; !run_and_kill(killed, int(rng.uniform() * longest)); ++kills)
    longest += 20'000;
  EXPECT_EQ(final_state(directory / "a" / "run" / "step_24"),
            final_state(directory / "b" / "run" / "step_24"))
      << kills << " kills";
  auto a = faults_of(directory / "a" / "run"), b = faults_of(directory / "b" / "run");
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i]["from_sample"], b[i]["from_sample"]);
}

TEST(RunFaults, SkippedStepsMakeNoUpdateAndAreNoted) {
  fs::path directory = scratch_dir();
  auto skipping = kRewinding;
  skipping[0] = "on_spike=skip";
  ASSERT_TRUE(Pretraining(tiny_run(directory, skipping), {}, tiny_options()).run());
  Json state = Json::parse(read_file(directory / "run" / "step_24" / "trainer_state.json"));
  size_t faults = faults_of(directory / "run").size();
  ASSERT_GT(faults, 0u);
  EXPECT_EQ(state["data"]["skipped"].size(), faults);
  EXPECT_EQ(state["optimizer_updates"].get<int64_t>(), 24 - int64_t(faults));
  EXPECT_EQ(state["consumed_samples"], 24 * 4);
  EXPECT_EQ(metrics(directory / "run", "fault").size(), faults);
}

// A learning rate that throws the weights to infinity: no rewind helps, and the run says so.
TEST(RunFaults, WhatDoesNotHealStops) {
  fs::path directory = scratch_dir();
  std::vector<std::string> wild{"optimizer.params.lr=1e30", "min_lr=0", "on_nonfinite=rewind",
                                "max_faults=2", "checkpoint_factor=1"};
  std::string said =
      refusal([&] { Pretraining(tiny_run(directory, wild), {}, tiny_options()).run(); });
  EXPECT_NE(said.find("more faults than max_faults allows"), std::string::npos) << said;
  EXPECT_NE(said.find("not finite"), std::string::npos) << said;
  EXPECT_NE(said.find("train documents"), std::string::npos) << said;
  EXPECT_EQ(faults_of(directory / "run").size(), 3u);
  fs::path other = made(directory / "b");
  wild[2] = "on_nonfinite=stop";
  said = refusal([&] { Pretraining(tiny_run(other, wild), {}, tiny_options()).run(); });
  EXPECT_NE(said.find("with on_nonfinite: skip or rewind"), std::string::npos) << said;
}

// One number of one tensor, as a damaged model from elsewhere may have it.
TEST(RunFaults, WeightsThatAreNotFiniteAreNamed) {
  fs::path directory = scratch_dir();
  Pretraining(tiny_run(directory), {}, tiny_options()).run();
  fs::path model = directory / "run" / "step_24";
  std::string bytes = read_file(model / "model.safetensors");
  bytes.replace(bytes.size() - 4, 4, std::string("\0\0\xc0\x7f", 4));
  write_file_atomically(model / "model.safetensors", bytes);
  std::string last = open_safetensors(model / "model.safetensors").entries().back().name;
  std::vector<std::string> load{"load=\"" + model.string() + "\"",
                                "save=\"" + (directory / "next").string() + "\""};
  std::string said = refusal([&] { Pretraining(tiny_run(directory, load), {}, tiny_options()); });
  EXPECT_NE(said.find(last), std::string::npos) << said;
  EXPECT_NE(said.find("is not finite at element"), std::string::npos) << said;
}

}  // namespace
}  // namespace slm
