#include "backend/probe.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>

#include "backend/cpu/isa.h"
#include "util/thread_pool.h"

namespace slm {
namespace {

constexpr double kSeconds = 0.3;  // for all runs of a probe
constexpr double kOneRun = 0.02;  // long enough that starting threads does not count

double seconds_of(const std::function<void()>& work) {
  auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

Tensor zeros(Backend& backend, const Shape& shape, DType dtype = DType::kF32) {
  Tensor t = backend.empty(shape, dtype);
  backend.zero(t);
  return t;
}

// The best rate of repeated runs. `make(size)` gives the work of a size; it doubles up to `most`
// until one run takes long enough, so that slow backends are done soon too.
double best_rate(int64_t size, int64_t most, double (*amount)(int64_t size),
                 const std::function<std::function<void()>(int64_t size)>& make) {
  std::function<void()> work = make(size);
  double took = seconds_of(work);
  while (took < kOneRun && size < most) {
    work = make(size *= 2);
    took = seconds_of(work);
  }
  double best = took;
  for (double spent = took; spent < kSeconds; spent += took) {
    took = seconds_of(work);
    best = std::min(best, took);
  }
  return amount(size) / std::max(best, 1e-9);
}

}  // namespace

double gemm_flops_per_second(Backend& backend, DType dtype) {
  return best_rate(
      192, 1536, [](int64_t n) { return 2.0 * double(n) * double(n) * double(n); },
      [&](int64_t n) -> std::function<void()> {
        Tensor a = zeros(backend, {n, n}, dtype), b = zeros(backend, {n, n}, dtype);
        Tensor c = zeros(backend, {n, n});
        return [=, &backend] { backend.gemm({.a = a, .b = b, .c = c}); };
      });
}

double read_bytes_per_second(Backend& backend) {
  constexpr int64_t kMiB = int64_t{1} << 20;
  return best_rate(
      kMiB, 256 * kMiB, [](int64_t bytes) { return double(bytes); },
      [&](int64_t bytes) -> std::function<void()> {
        Tensor x = zeros(backend, {bytes / 4});
        return [=, &backend] { backend.sum_squares(x); };
      });
}

double int8_ops_per_second(const BackendOptions& options) {
  const cpu::CpuKernels& kernels = cpu::choose_kernels(options.isa);
  auto pool = std::make_shared<ThreadPool>(options.threads);
  double operations = kernels.int8_peak(1) * pool->size();
  double rounds = best_rate(
      1 << 12, int64_t{1} << 30, [](int64_t n) { return double(n); },
      [&](int64_t n) -> std::function<void()> {
        return [n, pool, &kernels] {
          pool->run(pool->size(), 1, [&](int64_t, int64_t) { kernels.int8_peak(n); });
        };
      });
  return rounds * operations;
}

}  // namespace slm
