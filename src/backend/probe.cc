#include "backend/probe.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>

#include "backend/cpu/isa.h"
#include "util/rng.h"
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

// Numbers from -1 to 1, the same every time: a device that multiplies zeros needs less power and
// runs at a higher clock.
Tensor numbers(Backend& backend, const Shape& shape, DType dtype) {
  constexpr int64_t kRun = 1 << 16;
  Tensor here = Tensor::host({kRun}, DType::kF32);
  Rng rng(hash_name("probe"));
  for (float& x : here.span<float>()) x = 2 * float(rng.uniform()) - 1;
  Tensor run = backend.empty({kRun}, dtype), all = backend.empty(shape, dtype);
  backend.copy(here, run);
  for (int64_t at = 0; at < all.elements(); at += kRun) {
    int64_t end = std::min(at + kRun, all.elements());
    backend.copy(run.slice(0, end - at), all.slice(at, end));
  }
  return all;
}

// The best rate of repeated runs. `make(size)` gives the work of a size; it doubles up to `most`
// until one run takes long enough, so that slow backends are done soon too. The first run of a size
// is not timed: libraries are loaded in it, algorithms chosen, pages touched.
double best_rate(int64_t size, int64_t most, double (*amount)(int64_t size),
                 const std::function<std::function<void()>(int64_t size)>& make) {
  std::function<void()> work = make(size);
  work();
  double took = seconds_of(work);
  while (took < kOneRun && size < most) {
    work = {};  // gives its memory back
    work = make(size *= 2);
    work();
    took = seconds_of(work);
  }
  double best = took;
  for (double spent = took; spent < kSeconds; spent += took) {
    took = seconds_of(work);
    best = std::min(best, took);
  }
  return amount(size) / std::max(best, 1e-9);
}

constexpr int64_t kMiB = int64_t{1} << 20;

// On the host: all threads, each byte once.
double summed_bytes_per_second(Backend& backend) {
  return best_rate(
      kMiB, 256 * kMiB, [](int64_t bytes) { return double(bytes); },
      [&](int64_t bytes) -> std::function<void()> {
        Tensor x = numbers(backend, {bytes / 4}, DType::kF32);
        return [=, &backend] { backend.sum_squares(x); };
      });
}

// Within a device, each byte once read and once written. Many copies before one wait: a single one
// takes about as long as the way there and back.
double copied_bytes_per_second(Backend& backend) {
  constexpr int64_t kEach = 512 * kMiB;  // well past the caches
  Tensor x = numbers(backend, {kEach / 4}, DType::kF32), y = backend.empty(x.shape(), x.dtype());
  return best_rate(
      1, 64, [](int64_t copies) { return double(2 * copies * kEach); },
      [&](int64_t copies) -> std::function<void()> {
        return [=, &backend] {
          for (int64_t i = 0; i < copies; ++i) backend.copy(x, y);
          backend.sum_squares(y.slice(0, 1));  // waits for the copies
        };
      });
}

}  // namespace

double gemm_flops_per_second(Backend& backend, DType dtype) {
  return best_rate(
      192, backend.device() == Device::kHost ? 1536 : 12288,
      [](int64_t n) { return 2.0 * double(n) * double(n) * double(n); },
      [&](int64_t n) -> std::function<void()> {
        Tensor a = numbers(backend, {n, n}, dtype), b = numbers(backend, {n, n}, dtype);
        Tensor c = backend.empty({n, n}, DType::kF32);
        return [=, &backend] {
          backend.gemm({.a = a, .b = b, .c = c});
          backend.sum_squares(c.rows(0, 1));  // waits for the product
        };
      });
}

DType products_of_training(const Backend& backend, DType working) {
  return backend.device() == Device::kHost ? DType::kF32 : working;
}

double read_bytes_per_second(Backend& backend) {
  return backend.device() == Device::kHost ? summed_bytes_per_second(backend)
                                           : copied_bytes_per_second(backend);
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
