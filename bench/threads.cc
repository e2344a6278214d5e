// What handing work to the threads costs: a call with nothing to do, at once after the last one
// (workers still spin) and after a pause (they sleep).
#include <benchmark/benchmark.h>

#include <chrono>
#include <thread>

#include "util/thread_pool.h"

namespace slm {
namespace {

void empty_run(benchmark::State& state) {
  ThreadPool pool(int(state.range(0)));
  for (auto _ : state) pool.run(pool.size(), 1, [](int64_t, int64_t) {});
}

void empty_run_after_a_pause(benchmark::State& state) {
  ThreadPool pool(int(state.range(0)));
  for (auto _ : state) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    auto start = std::chrono::steady_clock::now();
    pool.run(pool.size(), 1, [](int64_t, int64_t) {});
    state.SetIterationTime(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
}

// About 20 microseconds of work for each thread: whether both come along.
void short_run(benchmark::State& state) {
  ThreadPool pool(int(state.range(0)));
  for (auto _ : state)
    pool.run(64 * pool.size(), 1, [](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        for (int n = 0; n < 1000; ++n) benchmark::DoNotOptimize(n);
    });
}

BENCHMARK(empty_run)->Arg(1)->Arg(2)->UseRealTime();
BENCHMARK(empty_run_after_a_pause)->Arg(2)->UseManualTime()->Iterations(500);
BENCHMARK(short_run)->Arg(1)->Arg(2)->UseRealTime();

}  // namespace
}  // namespace slm
