// What benchmarks of kernels share: a backend with tensors on it, and counters.
#pragma once

#include <benchmark/benchmark.h>

#include "backend/backend.h"
#include "util/rng.h"

namespace slm::bench {

// A backend and tensors of small numbers on it.
struct Desk {
  std::unique_ptr<Backend> backend = make_cpu_backend();
  Rng rng{1};

  Tensor empty(const Shape& shape, DType dtype = DType::kF32) {
    return backend->empty(shape, dtype);
  }
  Tensor random(const Shape& shape, DType dtype = DType::kF32) {
    Tensor f32 = empty(shape), t = empty(shape, dtype);
    for (float& x : f32.span<float>()) x = float(rng.normal());
    backend->copy(f32, t);
    return t;
  }
  Tensor ids(int64_t n, int64_t below) {
    Tensor t = empty({n}, DType::kI32);
    for (int32_t& x : t.span<int32_t>()) x = int32_t(rng.next_u32() % uint32_t(below));
    return t;
  }
};

inline void count(benchmark::State& state, const char* name, double each) {
  state.counters[name] = benchmark::Counter(each, benchmark::Counter::kIsIterationInvariantRate);
}
inline void count_bytes(benchmark::State& state, std::initializer_list<Tensor> moved) {
  double bytes = 0;
  for (const Tensor& t : moved) bytes += double(t.bytes());
  count(state, "B/s", bytes);
}

}  // namespace slm::bench
