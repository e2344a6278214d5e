// Every kernel of the cpu backend but gemm, on the shapes of a training step: hidden 512, 8 heads,
// MLP 1408, vocabulary 8192, 4 sequences of 512. Counters: bytes that must be read and written per
// second, flop per second for attention.
#include <benchmark/benchmark.h>

#include "desk.h"

namespace slm {
namespace {

using namespace bench;

constexpr int64_t kTokens = 2048, kWidth = 512, kHeads = 8, kHeadSize = 64, kMlp = 1408;
constexpr int64_t kVocab = 8192, kLength = 512;

void norm_forward(benchmark::State& state) {
  Desk d;
  NormArgs a{d.random({kTokens, kWidth}), d.random({kWidth}),   d.random({kWidth}), {},
             d.empty({kTokens, kWidth}),  d.empty({kTokens, 2})};
  for (auto _ : state) d.backend->norm_forward(a);
  count_bytes(state, {a.x, a.y});
}

void norm_backward(benchmark::State& state) {
  Desk d;
  NormArgs a{d.random({kTokens, kWidth}), d.random({kWidth}),   d.random({kWidth}), {},
             d.empty({kTokens, kWidth}),  d.empty({kTokens, 2})};
  d.backend->norm_forward(a);
  NormGrads g{d.random({kTokens, kWidth}),
              {d.random({kTokens, kWidth}), 1},
              {d.random({kWidth}), 1},
              {d.random({kWidth}), 1}};
  for (auto _ : state) d.backend->norm_backward(a, g);
  count_bytes(state, {a.x, g.dy, g.dx.grad, g.dx.grad});
}

void rope(benchmark::State& state) {
  Desk d;
  RopeArgs a{d.random({kTokens, kHeads, kHeadSize}),
             d.random({kTokens, kHeadSize / 4}),
             Rope::kHalves,
             false,
             {d.empty({kTokens, kHeads, kHeadSize}), 0}};
  for (auto _ : state) d.backend->rope(a);
  count_bytes(state, {a.x, a.y.grad});
}

void activation_forward(benchmark::State& state, Activation kind) {
  Desk d;
  ActivationArgs a{d.random({kTokens, kMlp}), d.random({kTokens, kMlp}), kind,
                   d.empty({kTokens, kMlp})};
  for (auto _ : state) d.backend->activation_forward(a);
  count_bytes(state, {a.x, a.up, a.y});
}

void activation_backward(benchmark::State& state, Activation kind) {
  Desk d;
  ActivationArgs a{d.random({kTokens, kMlp}), d.random({kTokens, kMlp}), kind, {}};
  ActivationGrads g{
      d.random({kTokens, kMlp}), {d.empty({kTokens, kMlp}), 0}, {d.empty({kTokens, kMlp}), 0}};
  for (auto _ : state) d.backend->activation_backward(a, g);
  count_bytes(state, {a.x, a.up, g.dy, g.dx.grad, g.dup.grad});
}

void embed_forward(benchmark::State& state) {
  Desk d;
  EmbedArgs a{d.ids(kTokens, kVocab), d.random({kVocab, kWidth}), 1, d.empty({kTokens, kWidth})};
  for (auto _ : state) d.backend->embed_forward(a);
  count_bytes(state, {a.y, a.y});
}

void embed_backward(benchmark::State& state) {
  Desk d;
  EmbedArgs a{d.ids(kTokens, kVocab), d.random({kVocab, kWidth}), 1, {}};
  EmbedGrads g{d.random({kTokens, kWidth}), {d.random({kVocab, kWidth}), 1}};
  for (auto _ : state) d.backend->embed_backward(a, g);
  count_bytes(state, {g.dy, g.dy, g.dy});
}

void cross_entropy(benchmark::State& state) {
  Desk d;
  Tensor start = d.random({512, kVocab});
  CrossEntropyArgs a{d.empty({512, kVocab}), d.ids(512, kVocab), d.empty({512}), 0, true, 1};
  d.backend->copy(start, a.logits);
  for (auto _ : state) d.backend->cross_entropy(a);
  count_bytes(state, {a.logits, a.logits});
}

void adamw(benchmark::State& state) {
  Desk d;
  Shape n{16 << 20};
  AdamWArgs a{d.random(n), d.random(n), d.random(n), d.random(n), 1e-5, 0.9, 0.95, 1e-8, 0.1, 1};
  d.backend->copy(a.grad, a.v);
  for (float& x : a.v.span<float>()) x *= x;
  for (auto _ : state) d.backend->adamw(a);
  count_bytes(state, {a.value, a.grad, a.m, a.v, a.value, a.m, a.v});
}

void sum_squares(benchmark::State& state) {
  Desk d;
  Tensor x = d.random({16 << 20});
  for (auto _ : state) benchmark::DoNotOptimize(d.backend->sum_squares(x));
  count_bytes(state, {x});
}

void add(benchmark::State& state) {
  Desk d;
  AddArgs a{d.random({kTokens, kWidth}), d.random({kTokens, kWidth}), 1,
            d.empty({kTokens, kWidth})};
  for (auto _ : state) d.backend->add(a);
  count_bytes(state, {a.a, a.b, a.y});
}

void column_sum(benchmark::State& state) {
  Desk d;
  ColumnSumArgs a{d.random({kTokens, kMlp}), {d.random({kMlp}), 1}};
  for (auto _ : state) d.backend->column_sum(a);
  count_bytes(state, {a.x});
}

void narrow(benchmark::State& state, DType dtype) {
  Desk d;
  Tensor from = d.random({16 << 20}), to = d.empty({16 << 20}, dtype);
  for (auto _ : state) d.backend->copy(from, to);
  count_bytes(state, {from, to});
}

// Half of the score matrix counts: 2 products of 2 flop forward, 5 backward.
double attention_flop(int64_t length, double products) {
  return products * double(kTokens) * double(length) * double(kWidth);
}

struct Attention {
  Desk d;
  int64_t length;
  std::vector<AttentionSegment> segments;
  AttentionArgs args;

  explicit Attention(int64_t n) : length(n) {
    for (int64_t at = 0; at < kTokens; at += n) segments.push_back({at, n, at, n});
    Shape shape{kTokens, kHeads, kHeadSize};
    args = {.q = d.random(shape),
            .k = d.random(shape),
            .v = d.random(shape),
            .segments = segments,
            .scale = 0.125f,
            .window = 0,
            .slopes = {},
            .y = d.empty(shape),
            .lse = d.empty({kTokens, kHeads})};
  }
};

void attention_forward(benchmark::State& state) {
  Attention a(state.range(0));
  for (auto _ : state) a.d.backend->attention_forward(a.args);
  count(state, "flop/s", attention_flop(a.length, 2));
}

void attention_backward(benchmark::State& state) {
  Attention a(state.range(0));
  a.d.backend->attention_forward(a.args);
  Shape shape = a.args.q.shape();
  AttentionGrads g{
      a.d.random(shape), {a.d.empty(shape), 0}, {a.d.empty(shape), 0}, {a.d.empty(shape), 0}};
  for (auto _ : state) a.d.backend->attention_backward(a.args, g);
  count(state, "flop/s", attention_flop(a.length, 5));
}

BENCHMARK(norm_forward)->UseRealTime();
BENCHMARK(norm_backward)->UseRealTime();
BENCHMARK(rope)->UseRealTime();
BENCHMARK_CAPTURE(activation_forward, silu, Activation::kSilu)->UseRealTime();
BENCHMARK_CAPTURE(activation_forward, gelu, Activation::kGelu)->UseRealTime();
BENCHMARK_CAPTURE(activation_backward, silu, Activation::kSilu)->UseRealTime();
BENCHMARK_CAPTURE(activation_backward, gelu, Activation::kGelu)->UseRealTime();
BENCHMARK(embed_forward)->UseRealTime();
BENCHMARK(embed_backward)->UseRealTime();
BENCHMARK(cross_entropy)->UseRealTime();
BENCHMARK(adamw)->UseRealTime();
BENCHMARK(sum_squares)->UseRealTime();
BENCHMARK(add)->UseRealTime();
BENCHMARK(column_sum)->UseRealTime();
BENCHMARK_CAPTURE(narrow, bf16, DType::kBF16)->UseRealTime();
BENCHMARK_CAPTURE(narrow, f16, DType::kF16)->UseRealTime();
BENCHMARK(attention_forward)->Arg(kLength)->Arg(kTokens)->UseRealTime();
BENCHMARK(attention_backward)->Arg(kLength)->Arg(kTokens)->UseRealTime();

}  // namespace
}  // namespace slm
