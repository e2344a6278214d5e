// A run small enough to train many times over in a test: a configuration and data for it.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "data/token_file.h"
#include "train/pretraining.h"
#include "util/files.h"
#include "util/json.h"
#include "util/rng.h"

namespace slm::testing {

inline constexpr const char* kTinyConfig = R"({
  "num-layers": 2, "hidden-size": 16, "num-attention-heads": 2, "seq-length": 16,
  "max-position-embeddings": 32, "pos-emb": "rotary", "rotary_pct": 0.25, "mlp_type": "gated",
  "mlp_multiple_of": 8, "activation": "silu", "no-weight-tying": true,
  "use_bias_in_attn_linear": false, "use_bias_in_mlp": false,
  "optimizer": {"type": "Adam", "params": {"lr": 1.0e-2, "betas": [0.9, 0.95]}},
  "train-iters": 24, "lr-decay-style": "cosine", "min_lr": 1.0e-3, "warmup": 0.1,
  "train_micro_batch_size_per_gpu": 2, "gradient_accumulation_steps": 2,
  "make_vocab_size_divisible_by": 8, "vocab_size": 30, "seed": 7,
  "checkpoint-factor": 3, "keep_last_n_checkpoints": 2, "log-interval": 1,
  "eval-interval": 10, "eval-iters": 2
})";

// Documents in which each token follows from the one before, so that there is something to learn.
inline std::filesystem::path write_tiny_data(const std::filesystem::path& prefix, uint64_t seed) {
  TokenFileWriter writer(prefix, TokenType::kU16);
  Rng rng(seed);
  for (int d = 0; d < 40; ++d) {
    std::vector<int32_t> document;
    int32_t token = int32_t(rng.uniform() * 30);
    for (int t = 0; t < 50; ++t) {
      document.push_back(token);
      token = (token * 7 + (rng.uniform() < 0.2 ? 1 : 3)) % 30;
    }
    writer.add(document);
  }
  writer.commit();
  return prefix;
}

inline RunConfig tiny_config(std::vector<std::string> overrides = {}) {
  return read_run_config({{"tiny.yml", kTinyConfig}}, overrides);
}

// A run in `directory` on its data (made if missing), on the reference backend.
inline RunConfig tiny_run(const std::filesystem::path& directory,
                          std::vector<std::string> overrides = {}) {
  for (const char* name : {"train", "valid"})
    if (!std::filesystem::exists(directory / name += ".idx"))
      write_tiny_data(directory / name, uint64_t(name[0]));
  std::vector<std::string> all{"train_data_paths=[\"" + (directory / "train").string() + "\"]",
                               "valid_data_paths=[\"" + (directory / "valid").string() + "\"]",
                               "save=\"" + (directory / "run").string() + "\""};
  all.insert(all.end(), overrides.begin(), overrides.end());
  return tiny_config(all);
}

inline PretrainOptions tiny_options(bool resume = false) {
  return {.backend = "reference", .resume = resume};
}

// The weights and moments of a finished run, byte for byte.
inline std::string final_state(const std::filesystem::path& checkpoint) {
  return read_file(checkpoint / "model.safetensors") +
         read_file(checkpoint / "optimizer.safetensors");
}

inline std::vector<Json> metrics(const std::filesystem::path& run, std::string_view kind) {
  std::vector<Json> lines;
  std::string text = read_file(run / "metrics.jsonl");
  for (size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    Json line = Json::parse(text.substr(at, end - at));
    if (line["kind"] == kind) lines.push_back(line);
  }
  return lines;
}

// Runs in a process of its own; kills it after `microseconds`, unless it ends before. Whether it
// finished.
inline bool run_and_kill(const RunConfig& config, int microseconds) {
  pid_t child = fork();
  if (child == 0) {
    bool quiet = std::freopen("/dev/null", "w", stderr) != nullptr;
    bool finished = quiet && Pretraining(config, {}, tiny_options(true)).run();
    _exit(finished ? 0 : 1);
  }
  std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
  int status = 0;
  if (waitpid(child, &status, WNOHANG) != child) {
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace slm::testing
