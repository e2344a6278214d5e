// Attention as inference asks for it, on heads of 80 (StableLM-3B-4E1T has 32 of them) and of 64.
// One token against a cache: bytes of keys and values per second, and their share of what the
// machine reads. A prompt: flop per second over the visible pairs, and their share of a large f32
// product.
#include "backend/probe.h"
#include "desk.h"

namespace slm {
namespace {

using namespace bench;

struct Shapes {
  int64_t heads, kv_heads, head_size;
};

Tensor cache_of(Desk& d, int64_t tokens, const Shapes& s, DType type) {
  if (traits(type).block_elems > 1) return d.random({tokens, s.kv_heads * s.head_size}, type);
  return d.random({tokens, s.kv_heads, s.head_size}, type);
}

AttentionArgs arguments(Desk& d, std::span<const AttentionSegment> segments, int64_t queries,
                        int64_t tokens, const Shapes& s, DType type) {
  Shape q{queries, s.heads, s.head_size};
  return {.q = d.random(q),
          .k = cache_of(d, tokens, s, type),
          .v = cache_of(d, tokens, s, type),
          .segments = segments,
          .scale = 0.1f,
          .window = 0,
          .slopes = {},
          .y = d.empty(q),
          .lse = {}};
}

// Caches of several layers in turn, so that none is in a cache of the processor.
void attention_decode(benchmark::State& state, DType type, Shapes s) {
  constexpr int kLayers = 4;
  Desk d;
  int64_t depth = state.range(0);
  std::vector<AttentionSegment> segments{{0, 1, 0, depth}};
  std::vector<AttentionArgs> layers;
  for (int i = 0; i < kLayers; ++i) layers.push_back(arguments(d, segments, 1, depth, s, type));
  double peak = read_bytes_per_second(*d.backend), bytes = 2 * double(layers[0].k.bytes());
  size_t layer = 0;
  for (auto _ : state) d.backend->attention_forward(layers[layer++ % kLayers]);
  count(state, "B/s", bytes);
  count(state, "of_reads", bytes / peak);
}

void attention_prefill(benchmark::State& state, DType type, Shapes s) {
  Desk d;
  int64_t length = state.range(0);
  std::vector<AttentionSegment> segments{{0, length, 0, length}};
  AttentionArgs a = arguments(d, segments, length, length, s, type);
  double flop = 2.0 * double(length) * double(length + 1) * double(s.heads * s.head_size);
  double peak = gemm_flops_per_second(*d.backend);
  for (auto _ : state) d.backend->attention_forward(a);
  count(state, "flop/s", flop);
  count(state, "of_gemm", flop / peak);
}

constexpr Shapes k3B{32, 32, 80}, k64{32, 32, 64}, kGrouped{32, 8, 128};

BENCHMARK_CAPTURE(attention_decode, f32, DType::kF32, k3B)->Arg(4096)->UseRealTime();
BENCHMARK_CAPTURE(attention_decode, f16, DType::kF16, k3B)->Arg(256)->Arg(4096)->UseRealTime();
BENCHMARK_CAPTURE(attention_decode, bf16, DType::kBF16, k3B)->Arg(4096)->UseRealTime();
BENCHMARK_CAPTURE(attention_decode, q8_0, DType::kQ8_0, k3B)->Arg(4096)->UseRealTime();
BENCHMARK_CAPTURE(attention_decode, q4_0, DType::kQ4_0, k3B)->Arg(4096)->UseRealTime();
BENCHMARK_CAPTURE(attention_decode, f16_grouped, DType::kF16, kGrouped)->Arg(4096)->UseRealTime();
BENCHMARK_CAPTURE(attention_prefill, f16_80, DType::kF16, k3B)
    ->Arg(512)
    ->Arg(2048)
    ->Arg(4096)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(attention_prefill, f16_64, DType::kF16, k64)
    ->Arg(512)
    ->Arg(2048)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(attention_prefill, q8_0_80, DType::kQ8_0, k3B)
    ->Arg(2048)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace slm
