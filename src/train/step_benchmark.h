// Optimiser steps of a model on random tokens, timed: for `bench train` and for comparing machines.
#pragma once

#include <functional>
#include <string_view>

#include "backend/profiled_backend.h"
#include "train/run_config.h"
#include "util/json.h"

namespace slm {

// `config` gives shape, batch, optimiser and recomputation; its data, schedule and files are not
// looked at. The vocabulary is config.shape.vocab_size, padded.
struct StepBenchmarkOptions {
  RunConfig config;
  int64_t steps = 5, warmup = 1;
  std::string backend = "auto";
  BackendOptions backend_options;
  // told before each step; null: nobody listens
  std::function<void(int64_t done, int64_t total)> progress;
};

struct StepBenchmark {
  std::string device;     // "cpu (avx512, 2 threads)"
  double parameters = 0;  // numbers trained
  double tokens_per_step = 0;
  std::vector<double> seconds;      // of each step, warm-up left out
  std::vector<double> cpu_seconds;  // the same, of all threads together
  double final_loss = 0;
  // Model FLOPs of one token, forward and backward, without recomputation: 6 (N - N_e) + 12 L h S,
  // and with the half of attention that a causal mask leaves, 6 (N - N_e) + 6 L h S.
  double flops_per_token = 0, causal_flops_per_token = 0;
  double peak_flops = 0, peak_bandwidth = 0;  // measured here: products, reading memory
  DType peak_of = DType::kF32;                // in which those were (backend/probe.h)
  double planned_bytes = 0;                   // what plan_memory (train/plan.h) says
  double peak_bytes = 0;                      // most memory the process had, weights to program
  std::vector<KernelAccount> kernels;         // of as many steps as were timed, together
  double watched_seconds = 0;                 // of those steps: the timed ones, if on the host

  double median_seconds() const;
  double tokens_per_second() const { return tokens_per_step / median_seconds(); }
  // the share of the measured GEMM peak
  double utilisation() const { return tokens_per_second() * flops_per_token / peak_flops; }
};

StepBenchmark benchmark_steps(const StepBenchmarkOptions& options);

std::string to_table(const StepBenchmark& result);
Json to_json(const StepBenchmark& result);

}  // namespace slm
