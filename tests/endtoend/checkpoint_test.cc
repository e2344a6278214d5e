// A training run that is killed, whose disk fills up, whose checkpoints are damaged.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "support/process.h"
#include "support/test_data.h"

namespace slm {
namespace {

namespace fs = std::filesystem;
using testing::contents;

void flip(const fs::path& file, size_t from_end) {
  std::string bytes = contents(file);
  bytes[bytes.size() - 1 - from_end] ^= 4;
  std::ofstream(file, std::ios::binary) << bytes;
}

// A tokenizer, data, and a run of 12 steps that saves every third.
class CheckpointCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string readme = (testing::source_dir() / "README.md").string();
    must({"tokenizer", "train", "--input", readme, "--vocab-size", "300", "--output", "t.json"});
    must({"data", "prepare", readme, "--tokenizer", "t.json", "--output", "text", "--append-eod"});
  }

  testing::ProcessResult stablelm(std::vector<std::string> words) const {
    words.insert(words.begin(), STABLELM_BINARY);
    return testing::run_process(words, directory_.path());
  }
  void must(const std::vector<std::string>& words) const {
    auto result = stablelm(words);
    ASSERT_EQ(result.exit_code, 0) << words[0] << ": " << result.err;
  }
  std::vector<std::string> pretrain(const std::string& save) const {
    std::string config = (testing::source_dir() / "configs" / "tiny.yml").string();
    return {
        "pretrain", config,    "--tokenizer", "t.json",    "--data", "text",  "--save",
        save,       "--steps", "12",          "--threads", "1",      "--set", "checkpoint_factor=3",
        "--resume"};
  }
  // The same in a shell, behind `before`.
  testing::ProcessResult in_shell(const std::string& before, const std::string& save) const {
    std::string line = before + " " + STABLELM_BINARY;
    for (const std::string& word : pretrain(save)) line += " " + word;
    return testing::run_process({"sh", "-c", line}, directory_.path());
  }
  std::string final_state(const std::string& save) const {
    fs::path last = directory_.path() / save / "step_12";
    return contents(last / "model.safetensors") + contents(last / "optimizer.safetensors");
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(CheckpointCommand, KilledRunsEndInTheSameBits) {
  must(pretrain("whole"));
  int kills = 0;
  for (const char* after : {"0.4", "0.55", "0.7", "0.85", "1"}) {
    auto result = in_shell("exec timeout -s KILL " + std::string(after), "killed");
    if (result.exit_code == 0) break;
    ++kills;
  }
  must(pretrain("killed"));
  EXPECT_EQ(final_state("whole"), final_state("killed")) << kills << " kills";
}

TEST_F(CheckpointCommand, AFullDiskIsExitSixAndLosesNothing) {
  must(pretrain("whole"));
  // No file may grow beyond 100 KiB: less than the weights.
  auto full = in_shell("trap '' XFSZ; ulimit -f 200; exec", "full");
  EXPECT_EQ(full.exit_code, 6) << full.err;
  EXPECT_NE(full.err.find("checkpoint of step 3 could not be written"), std::string::npos);
  EXPECT_NE(full.err.find("model.safetensors"), std::string::npos) << full.err;
  must(pretrain("full"));
  EXPECT_EQ(final_state("whole"), final_state("full"));
}

TEST_F(CheckpointCommand, ListsVerifiesRepairsAndExports) {
  must(pretrain("run"));
  auto list = stablelm({"checkpoint", "list", "run"});
  EXPECT_NE(list.out.find("step_12"), std::string::npos) << list.out;
  EXPECT_NE(list.out.find("<- latest"), std::string::npos) << list.out;
  auto good = stablelm({"checkpoint", "verify", "run"});
  EXPECT_EQ(good.exit_code, 0) << good.out << good.err;
  EXPECT_EQ(std::count(good.out.begin(), good.out.end(), '\n'), 2) << good.out;

  fs::path last = directory_.path() / "run" / "step_12";
  flip(last / "model.safetensors", 0);
  auto bad = stablelm({"checkpoint", "verify", "run"});
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_NE(bad.out.find("step_12/model.safetensors: its contents changed"), std::string::npos)
      << bad.out;
  EXPECT_NE(bad.out.find("damaged: \"model."), std::string::npos) << bad.out;
  EXPECT_NE(bad.out.find("newest good one is run/step_9"), std::string::npos) << bad.out;

  auto repaired = stablelm({"checkpoint", "repair", "run"});
  EXPECT_EQ(repaired.exit_code, 1);
  EXPECT_NE(repaired.out.find("cannot be mended"), std::string::npos) << repaired.out;
  EXPECT_NE(repaired.out.find("names step_9 now"), std::string::npos) << repaired.out;

  auto exported = stablelm({"checkpoint", "export", "run", "--output", "m", "--dtype", "bf16"});
  EXPECT_EQ(exported.exit_code, 0) << exported.err;
  EXPECT_NE(exported.err.find("step_12 is damaged"), std::string::npos) << exported.err;
  EXPECT_NE(exported.out.find("step_9"), std::string::npos) << exported.out;
  EXPECT_EQ(stablelm({"info", "m"}).exit_code, 0);
  EXPECT_FALSE(fs::exists(directory_.path() / "m" / "optimizer.safetensors"));
  EXPECT_TRUE(fs::exists(directory_.path() / "m" / "tokenizer.json"));
  EXPECT_EQ(stablelm({"checkpoint", "verify", "nowhere"}).exit_code, 3);
  EXPECT_EQ(stablelm({"checkpoint", "verify", "m"}).exit_code, 3);  // a model, not a checkpoint
}

TEST_F(CheckpointCommand, BadInputsAreNamed) {
  fs::path index = directory_.path() / "text.idx";
  std::string whole = contents(index);
  std::ofstream(index, std::ios::binary) << whole.substr(0, whole.size() / 2);
  auto result = stablelm(pretrain("run"));
  EXPECT_EQ(result.exit_code, 4) << result.err;
  EXPECT_NE(result.err.find("text.idx"), std::string::npos) << result.err;
  std::ofstream(index, std::ios::binary) << whole;

  // Every 32nd token becomes an id that no vocabulary of 300 has.
  std::fstream bin(directory_.path() / "text.bin", std::ios::in | std::ios::out | std::ios::binary);
  for (int64_t at = 0; at + 2 <= int64_t(fs::file_size(directory_.path() / "text.bin")); at += 64) {
    bin.seekp(at);
    bin.write("\xff\x7f", 2);
  }
  bin.close();
  result = stablelm(pretrain("run"));
  EXPECT_EQ(result.exit_code, 4) << result.err;
  EXPECT_NE(result.err.find("is the id 32767, outside the vocabulary"), std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find("of document 0"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace slm
