// Products with weights in blocks, of the shapes of a model of 3 billion parameters: one row, as in
// decoding, some rows, and a prompt. Weights come from memory: every product reads another matrix
// of many. Counters: bytes of weights per second and their share of what the machine reads at best;
// operations per second and their share of what it multiplies in eight bits.
#include <benchmark/benchmark.h>

#include <vector>

#include "backend/backend.h"
#include "backend/probe.h"

namespace slm {
namespace {

struct Matrix {
  const char* name;
  int64_t out, in;
};
constexpr Matrix kMatrices[] = {
    {"attention", 2560, 2560}, {"up", 6912, 2560}, {"down", 2560, 6912}, {"head", 50304, 2560}};
constexpr DType kFormats[] = {DType::kQ4_0, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K,
                              DType::kQ8_0, DType::kBF16, DType::kF16};
constexpr int64_t kPastCaches = int64_t{300} << 20;

// Blocks of bytes whose f16 scales are finite, whatever the format.
Tensor weights(Backend& backend, const Matrix& m, DType dtype) {
  Tensor w = backend.empty({m.out, m.in}, dtype);
  for (uint8_t& byte : std::span(w.data<uint8_t>(), size_t(w.bytes()))) byte = 0x21;
  return w;
}

double read_limit() {
  static const double limit = read_bytes_per_second(*make_cpu_backend());
  return limit;
}
double int8_limit() {
  static const double limit = int8_ops_per_second();
  return limit;
}

void count(benchmark::State& state, const char* name, double each, double limit) {
  using benchmark::Counter;
  state.counters[name] = Counter(each, Counter::kIsIterationInvariantRate);
  state.counters[std::string(name) + " share"] =
      Counter(each / limit, Counter::kIsIterationInvariantRate);
}

void quantized(benchmark::State& state, const Matrix& m, DType dtype, int64_t rows, bool exact) {
  auto backend = make_cpu_backend({.threads = 0, .isa = {}, .exact = exact});
  std::vector<Tensor> matrices;
  for (int64_t bytes = 0; bytes < kPastCaches; bytes += matrices.back().bytes())
    matrices.push_back(weights(*backend, m, dtype));
  Tensor x = backend->empty({rows, m.in}, DType::kF32),
         y = backend->empty({rows, m.out}, x.dtype());
  for (float& v : x.span<float>()) v = 0.5f;
  size_t next = 0;
  for (auto _ : state) {
    backend->gemm({.a = x, .b = matrices[next], .c = y, .transpose_b = true});
    next = (next + 1) % matrices.size();
  }
  count(state, "B/s", double(matrices[0].bytes()), read_limit());
  count(state, "op/s", 2.0 * double(rows) * double(m.out) * double(m.in), int8_limit());
}

[[maybe_unused]] const bool registered = [] {
  auto add = [](const Matrix& m, DType dtype, int64_t rows, bool exact) {
    std::string name = std::string(exact ? "quantized_exact/" : "quantized/") +
                       std::string(traits(dtype).name) + "/" + m.name + "/" + std::to_string(rows);
    benchmark::RegisterBenchmark(name.c_str(), quantized, m, dtype, rows, exact)->UseRealTime();
  };
  for (DType dtype : kFormats)
    for (const Matrix& m : kMatrices)
      for (int64_t rows : {1, 8, 512}) add(m, dtype, rows, false);
  for (DType dtype : {DType::kQ4_0, DType::kQ4_K, DType::kQ8_0})
    for (int64_t rows : {1, 512}) add(kMatrices[1], dtype, rows, true);
  return true;
}();

}  // namespace
}  // namespace slm
