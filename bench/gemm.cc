// Matrix products of a training step (hidden 512, MLP 1408, vocabulary 8192, 2048 tokens) and of
// decoding, beside OpenBLAS where it is installed. Counters: flop per second, bytes of weights per
// second.
#include <benchmark/benchmark.h>
#include <dlfcn.h>

#include <cstdlib>

#include "backend/backend.h"

namespace slm {
namespace {

struct Product {
  const char* name;
  int64_t m, n, k;
  bool transpose_a, transpose_b;
  DType weights = DType::kF32;
};

constexpr Product kProducts[] = {
    {"qkv", 2048, 512, 512, false, true},
    {"up", 2048, 1408, 512, false, true},
    {"down", 2048, 512, 1408, false, true},
    {"head", 2048, 8192, 512, false, true},
    {"up_dx", 2048, 512, 1408, false, false},
    {"down_dx", 2048, 1408, 512, false, false},
    {"head_dx", 2048, 512, 8192, false, false},
    {"qkv_dw", 512, 512, 2048, true, false},
    {"up_dw", 1408, 512, 2048, true, false},
    {"head_dw", 8192, 512, 2048, true, false},
    {"prompt_32", 32, 2560, 2560, false, true},
    {"prompt_128_bf16", 128, 6912, 2560, false, true, DType::kBF16},
};
constexpr Product kDots[] = {
    {"decode_f32", 1, 6912, 2560, false, true},
    {"decode_bf16", 1, 6912, 2560, false, true, DType::kBF16},
    {"decode_f16", 1, 6912, 2560, false, true, DType::kF16},
    {"decode_4_bf16", 4, 6912, 2560, false, true, DType::kBF16},
};

Tensor zeros(Backend& backend, const Shape& shape, DType dtype) {
  Tensor t = backend.empty(shape, dtype);
  backend.zero(t);
  return t;
}

GemmArgs arguments(Backend& backend, const Product& p) {
  Shape a = p.transpose_a ? Shape{p.k, p.m} : Shape{p.m, p.k};
  Shape b = p.transpose_b ? Shape{p.n, p.k} : Shape{p.k, p.n};
  return {.a = zeros(backend, a, DType::kF32),
          .b = zeros(backend, b, p.weights),
          .c = zeros(backend, {p.m, p.n}, DType::kF32),
          .transpose_a = p.transpose_a,
          .transpose_b = p.transpose_b};
}

void count(benchmark::State& state, const Product& p, const GemmArgs& args) {
  using benchmark::Counter;
  double flop = 2.0 * double(p.m) * double(p.n) * double(p.k);
  state.counters["flop/s"] = Counter(flop, Counter::kIsIterationInvariantRate);
  state.counters["weights B/s"] =
      Counter(double(args.b.bytes()), Counter::kIsIterationInvariantRate);
}

void gemm(benchmark::State& state, const Product& p) {
  auto backend = make_cpu_backend();
  GemmArgs args = arguments(*backend, p);
  for (auto _ : state) backend->gemm(args);
  count(state, p, args);
}

// cblas.h's types, so that building needs no BLAS
using Sgemm = void (*)(int order, int ta, int tb, int m, int n, int k, float alpha, const float* a,
                       int lda, const float* b, int ldb, float beta, float* c, int ldc);

void open_blas(benchmark::State& state, const Product& p) {
  static void* library = dlopen("libopenblas.so.0", RTLD_NOW);
  auto sgemm = library ? reinterpret_cast<Sgemm>(dlsym(library, "cblas_sgemm")) : nullptr;
  if (!sgemm) return state.SkipWithError("libopenblas.so.0 is not installed");
  auto backend = make_cpu_backend();
  GemmArgs args = arguments(*backend, p);
  for (auto _ : state)
    sgemm(101, p.transpose_a ? 112 : 111, p.transpose_b ? 112 : 111, int(p.m), int(p.n), int(p.k),
          1, args.a.data<float>(), int(args.a.dim(1)), args.b.data<float>(), int(args.b.dim(1)), 0,
          args.c.data<float>(), int(p.n));
  count(state, p, args);
}

[[maybe_unused]] const bool registered = [] {
  auto add = [](const std::string& name, auto function, const Product& p) {
    benchmark::RegisterBenchmark((name + "/" + p.name).c_str(), function, p)->UseRealTime();
  };
  for (const Product& p : kProducts) add("gemm", gemm, p);
  for (const Product& p : kDots) add("gemm", gemm, p);
  for (const Product& p : kProducts)
    if (p.weights == DType::kF32) add("gemm_openblas", open_blas, p);
  return true;
}();

}  // namespace
}  // namespace slm
