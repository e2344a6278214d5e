// Products with weights in blocks, of the shapes of a model of 3 billion parameters: one row, as in
// decoding, some rows, and a prompt. Weights come from memory: every product reads another matrix
// of many, from a mapped file as a model's are: what is timed is after the products that pack them
// (backend/cpu/packed_weights.h). Counters: bytes of weights per second and their share of what the
// machine reads at best; operations per second and their share of what it multiplies in eight bits.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/probe.h"
#include "util/files.h"
#include "util/mapped_file.h"

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

// Blocks of bytes whose f16 scales are finite, whatever the format. Gone from the disk at once.
std::shared_ptr<const MappedFile> file_of_weights() {
  static const std::shared_ptr<const MappedFile> file = [] {
    auto path =
        std::filesystem::temp_directory_path() / ("stablelm_bench_" + std::to_string(::getpid()));
    write_file_atomically(path, std::string(size_t(2 * kPastCaches), 0x21));
    auto mapped = MappedFile::open(path);
    std::filesystem::remove(path);
    return mapped;
  }();
  return file;
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
    matrices.push_back(Tensor::mapped(file_of_weights(), bytes, {m.out, m.in}, dtype));
  Tensor x = backend->empty({rows, m.in}, DType::kF32),
         y = backend->empty({rows, m.out}, x.dtype());
  for (float& v : x.span<float>()) v = 0.5f;
  size_t next = 0;
  auto multiply = [&] {
    backend->gemm({.a = x, .b = matrices[next], .c = y, .transpose_b = true});
    next = (next + 1) % matrices.size();
  };
  for (size_t i = 0; rows <= 8 && i < 2 * matrices.size(); ++i) multiply();
  for (auto _ : state) multiply();
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
