#include "train/pretraining.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "train/run_log.h"
#include "train/tiny_run_test.h"
#include "util/files.h"
#include "util/json.h"

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

TEST(Pretraining, FromConfigurationToModel) {
  fs::path directory = scratch_dir();
  ASSERT_TRUE(
      Pretraining(tiny_run(directory), {{"tiny.yml", testing::kTinyConfig}}, tiny_options()).run());
  fs::path run = directory / "run", last = run / "step_24";
  auto steps = metrics(run, "step");
  ASSERT_EQ(steps.size(), 24u);
  EXPECT_LT(steps.back()["loss"].get<double>(), steps.front()["loss"].get<double>() - 0.5);
  EXPECT_EQ(steps.back()["tokens"], 24 * 4 * 16);
  EXPECT_EQ(metrics(run, "valid").size(), 3u);  // at 10, 20 and the end

  Model model = load_model(last);
  EXPECT_EQ(model.config.model_type, "stablelm");
  EXPECT_EQ(model.config.spec.vocab, 32);
  EXPECT_EQ(read_file(last / "config" / "tiny.yml"), testing::kTinyConfig);
  EXPECT_EQ(
      read_run_config({read_config_source(last / "config" / "resolved.yml")}).schedule.train_steps,
      24);
  EXPECT_EQ(read_file(run / "latest"), "step_24");
  EXPECT_TRUE(fs::exists(run / "step_21"));
  EXPECT_FALSE(fs::exists(run / "step_18"));
  EXPECT_NE(read_file(run / "loss.svg").find("validation loss"), std::string::npos);
}

TEST(Pretraining, TellsWhatItIsAndHowItGoes) {
  fs::path directory = scratch_dir();
  std::string held_out = "test_data_paths=[\"" + (directory / "valid").string() + "\"]";
  Pretraining(tiny_run(directory, {held_out, "wandb_name=\"tiny\""}), {}, tiny_options()).run();
  fs::path run = directory / "run";
  Json facts = read_json_file(run / "run.json");
  EXPECT_EQ(facts["name"], "tiny");
  EXPECT_EQ(facts["step_tokens"], 64);
  EXPECT_EQ(facts["config"]["hidden_size"], "16");

  // The test data are the validation data here, so the losses are equal.
  ASSERT_EQ(metrics(run, "test").size(), 1u);
  EXPECT_EQ(metrics(run, "test")[0]["loss"], metrics(run, "valid").back()["loss"]);
  auto sources = metrics(run, "sources");
  ASSERT_EQ(sources.size(), 3u);
  EXPECT_EQ(sources.back()["sources"][0]["tokens"], 24 * 64);
  EXPECT_EQ(metrics(run, "save").back()["checkpoint"], "step_24");
  Json last = metrics(run, "step").back();
  double inside = 0;
  for (const auto& [name, seconds] : last["phases"].items()) inside += seconds.get<double>();
  EXPECT_GT(inside, 0);
  EXPECT_FALSE(last.contains("mfu"));  // the reference backend has no speed to speak of
  EXPECT_TRUE(fs::exists(run / "tensorboard"));
}

TEST(Pretraining, EventFilesGoWhereTheConfigurationSays) {
  fs::path directory = scratch_dir();
  RunConfig config = tiny_run(directory, {"train_iters=1", "tensorboard_dir=\"none\""});
  EXPECT_TRUE(tensorboard_directory(config).empty());
  Pretraining(config, {}, tiny_options()).run();
  EXPECT_FALSE(fs::exists(directory / "run" / "tensorboard"));
  config.watching.tensorboard = directory / "events";
  EXPECT_EQ(tensorboard_directory(config), directory / "events");
}

TEST(Pretraining, KilledAnywhereEndsInTheSameWeights) {
  fs::path directory = scratch_dir();
  fs::create_directories(directory / "a");
  RunConfig undisturbed = tiny_run(directory / "a");
  auto begin = std::chrono::steady_clock::now();
  Pretraining(undisturbed, {}, tiny_options()).run();
  double whole =
      std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();

  // How long a run takes depends on what else the machine does: one that got through with fewer
  // than three kills is repeated with quicker ones.
  Rng rng(11);
  int kills = 0;
  for (double longest = whole * 0.4; kills < 3; longest /= 2) {
    fs::remove_all(directory / "b");
    fs::create_directories(directory / "b");
    RunConfig killed = tiny_run(directory / "b");
    kills = 0;
    while (!run_and_kill(killed, int(rng.uniform() * longest))) ASSERT_LT(++kills, 400);
    ASSERT_GT(longest, 100);
  }
  EXPECT_EQ(final_state(directory / "a" / "run" / "step_24"),
            final_state(directory / "b" / "run" / "step_24"));
  // Steps that were redone are logged once.
  auto steps = metrics(directory / "b" / "run", "step");
  ASSERT_EQ(steps.size(), 24u);
  for (size_t i = 0; i < steps.size(); ++i) EXPECT_EQ(steps[i]["step"], i + 1);
}

TEST(Pretraining, TerminationSavesAndResumes) {
  fs::path directory = scratch_dir();
  fs::create_directories(directory / "a");
  fs::create_directories(directory / "b");
  Pretraining(tiny_run(directory / "a"), {}, tiny_options()).run();
  RunConfig config = tiny_run(directory / "b", {"checkpoint_factor=0"});
  pid_t child = fork();
  if (child == 0) {
    std::freopen("/dev/null", "w", stderr);
    Pretraining run(config, {}, tiny_options());
    _exit(run.run() ? 3 : 0);
  }
  while (!fs::exists(directory / "b" / "run" / "metrics.jsonl") ||
         metrics(directory / "b" / "run", "step").empty())
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  kill(child, SIGTERM);
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);  // interrupted, and ended by itself
  EXPECT_TRUE(fs::exists(directory / "b" / "run" / "latest"));
  Pretraining(config, {}, tiny_options(true)).run();
  EXPECT_EQ(final_state(directory / "a" / "run" / "step_24"),
            final_state(directory / "b" / "run" / "step_24"));
}

TEST(Pretraining, ABrokenNewestCheckpointIsNamedAndTheOneBeforeUsed) {
  fs::path directory = scratch_dir();
  RunConfig config = tiny_run(directory);
  Pretraining(config, {}, tiny_options()).run();
  fs::path last = directory / "run" / "step_24";
  std::string before = final_state(last);
  fs::resize_file(last / "optimizer.safetensors", 100);
  std::string said;
  PretrainOptions options = tiny_options(true);
  options.say = [&](std::string_view line) { said.append(line).append("\n"); };
  Pretraining(config, {}, options).run();
  EXPECT_NE(said.find("step_24 is broken"), std::string::npos) << said;
  EXPECT_NE(said.find("optimizer.safetensors"), std::string::npos) << said;
  EXPECT_NE(said.find("continuing from"), std::string::npos) << said;
  EXPECT_EQ(final_state(last), before);
}

TEST(Pretraining, AnotherStageTakesOnlyTheWeights) {
  fs::path directory = scratch_dir();
  Pretraining(tiny_run(directory), {}, tiny_options()).run();
  std::vector<std::string> stage{"load=\"" + (directory / "run").string() + "\"",
                                 "save=\"" + (directory / "stage2").string() + "\"",
                                 "seq_length=24",
                                 "max_position_embeddings=64",
                                 "train_iters=3",
                                 "warmup=0.0"};
  auto without = stage;
  EXPECT_NE(refusal([&] {
              Pretraining(tiny_run(directory, without), {}, tiny_options());
            }).find("max_position_embeddings is 32"),
            std::string::npos);
  stage.insert(stage.end(), {"finetune=true", "no_checkpoint_arg_validation=true", "iteration=21"});
  Pretraining(tiny_run(directory, stage), {}, tiny_options()).run();
  auto steps = metrics(directory / "stage2", "step");
  EXPECT_EQ(steps.front()["step"], 1);
  EXPECT_LT(steps.front()["loss"].get<double>(),
            metrics(directory / "run", "step").front()["loss"].get<double>() - 0.3);
  EXPECT_EQ(load_model(directory / "stage2" / "step_3").config.spec.max_positions, 64);
}

TEST(Pretraining, RefusesWhatWouldLoseOrMixRuns) {
  fs::path directory = scratch_dir();
  Pretraining(tiny_run(directory), {}, tiny_options()).run();
  auto complaint = [&](std::vector<std::string> overrides, bool resume) {
    return refusal([&] { Pretraining(tiny_run(directory, overrides), {}, tiny_options(resume)); });
  };
  EXPECT_NE(complaint({}, false).find("already holds checkpoints"), std::string::npos);
  EXPECT_NE(complaint({"optimizer.params.lr=2e-2"}, true).find("override_lr_scheduler"),
            std::string::npos);
  EXPECT_NE(complaint({"hidden_size=32"}, true).find("hidden_size is 16"), std::string::npos);
  EXPECT_NE(complaint({"train_data_paths=[]"}, true).find("no training data"), std::string::npos);
  EXPECT_NE(complaint({"save=\"\""}, true).find("--save"), std::string::npos);
  EXPECT_NE(complaint({"vocab_size=20"}, true).find("vocabulary"), std::string::npos);
}

TEST(Pretraining, PlanWithoutData) {
  std::string plan = Pretraining::plan(testing::tiny_config(), tiny_options());
  EXPECT_NE(plan.find("2 x 2 sequences of 16"), std::string::npos) << plan;
  EXPECT_NE(plan.find("24 steps, 1.54k tokens"), std::string::npos) << plan;
  EXPECT_NE(plan.find("tokens/s"), std::string::npos) << plan;
}

}  // namespace
}  // namespace slm
