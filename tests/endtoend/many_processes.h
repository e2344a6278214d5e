// A tokenizer, data, and runs of them by several processes, for end-to-end tests.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "support/process.h"
#include "support/test_data.h"

namespace slm::testing {

class ManyProcesses : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::system("command -v mpirun >/dev/null 2>&1") != 0) GTEST_SKIP() << "needs mpirun";
    std::string readme = (source_dir() / "README.md").string();
    sh("stablelm tokenizer train --input " + readme + " --vocab-size 300 --output t.json");
    sh("stablelm data prepare " + readme + " --tokenizer t.json --output text --append-eod");
  }

  // `stablelm` and `mpirun` are as in a shell of the user; $DIR is where this runs.
  ProcessResult run(const std::string& command) {
    std::filesystem::path binary = STABLELM_BINARY;
    return run_process({"bash", "-c",
                        "PATH=" + binary.parent_path().string() + ":$PATH; mpirun() { command " +
                            kMpirun + " \"$@\"; }; " + command},
                       directory.path());
  }
  void sh(const std::string& command) {
    auto result = run(command);
    ASSERT_EQ(result.exit_code, 0) << command << "\n" << result.out << result.err;
  }

  std::string train(const std::string& save, int steps, const std::string& more = "") {
    return " stablelm pretrain " + (source_dir() / "configs/tiny.yml").string() +
           " --tokenizer t.json --data text --deterministic --threads 1 --save " + save +
           " --steps " + std::to_string(steps) +
           " --set gradient_accumulation_steps=0 --set train_batch_size=8"
           " --set train_micro_batch_size_per_gpu=2 --set log_interval=1 " +
           more;
  }
  std::string weights(const std::string& checkpoint) {
    return contents(directory.path() / checkpoint / "model.safetensors");
  }

  TemporaryDirectory directory;
};

}  // namespace slm::testing
