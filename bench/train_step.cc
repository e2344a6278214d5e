// One optimiser step of a small StableLM: forward, backward, clipping, AdamW, all in f32. Reports
// tokens/s, model FLOP/s (train/plan.h) and their share of what a large f32 GEMM reaches here.
#include <benchmark/benchmark.h>

#include "backend/probe.h"
#include "train/initialize.h"
#include "train/next_token.h"
#include "train/plan.h"
#include "train/trainer.h"
#include "util/rng.h"

namespace slm {
namespace {

constexpr int64_t kBatch = 4, kLength = 512;

const DecoderSpec kSpec{.vocab = 8192,
                        .width = 512,
                        .layers = 8,
                        .heads = 8,
                        .kv_heads = 8,
                        .head_size = 64,
                        .mlp_width = 1408,
                        .max_positions = kLength,
                        .rope = {.dims = 16}};

void train_step(benchmark::State& state) {
  auto backend = make_cpu_backend({.threads = int(state.range(1))});
  Parameters parameters = initial_parameters(kSpec, {}, 1);
  parameters.make_trainable(*backend);
  Decoder decoder(kSpec, parameters);
  SampleSource noise = [](int64_t index, std::span<int32_t> out) {
    Rng rng{uint64_t(index)};
    for (int32_t& id : out) id = int32_t(rng.next_u32() % uint32_t(kSpec.vocab));
  };
  NextToken objective(decoder, noise, {.seq_length = kLength});
  AdamW optimizer(*backend, parameters, {});
  RunConfig::Schedule constant;
  constant.style = "constant";
  constant.train_steps = constant.decay_steps = 1000;
  Schedule schedule(1e-4, constant);
  Trainer trainer(*backend, parameters, objective, optimizer, schedule,
                  {.micro_batch = kBatch, .recompute = state.range(0) != 0});
  double peak = gemm_flops_per_second(*backend);
  trainer.step();
  for (auto _ : state) trainer.step();

  double tokens = double(kBatch * kLength * int64_t(state.iterations()));
  double flops = tokens * flops_per_token(kSpec, kLength);
  auto rate = benchmark::Counter::kIsRate;
  state.counters["tokens/s"] = benchmark::Counter(tokens, rate);
  state.counters["GFLOP/s"] = benchmark::Counter(flops / 1e9, rate);
  state.counters["of_gemm"] = benchmark::Counter(flops / peak, rate);
}
BENCHMARK(train_step)
    ->ArgNames({"recompute", "threads"})
    ->Args({0, 2})
    ->Args({1, 2})
    ->Args({0, 1})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->MinTime(5);

}  // namespace
}  // namespace slm
