// Results on shapes large enough to be shared out do not depend on the number of threads.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/isa.h"
#include "support/op_test.h"

namespace slm {
namespace {

using testing::random;

class Threads : public ::testing::TestWithParam<std::string_view> {
 protected:
  // body(backend) returns what it computed; compared bit by bit for 1, 2 and 3 threads.
  template <class Body>
  void expect_same(Body body) const {
    std::vector<Tensor> one = run(1, body);
    for (int threads : {2, 3}) {
      std::vector<Tensor> some = run(threads, body);
      for (size_t i = 0; i < one.size(); ++i)
        EXPECT_EQ(std::memcmp(one[i].bytes_data(), some[i].bytes_data(), size_t(one[i].bytes())), 0)
            << "result " << i << " on " << threads << " threads";
    }
  }

 private:
  template <class Body>
  std::vector<Tensor> run(int threads, Body body) const {
    auto backend = make_cpu_backend({.threads = threads, .isa = std::string(GetParam())});
    return body(*backend);
  }
};
INSTANTIATE_TEST_SUITE_P(Every, Threads, ::testing::ValuesIn(cpu::available_isas()),
                         [](const auto& isa) { return std::string(isa.param); });

Tensor f32(const Shape& shape, uint64_t stream) {
  return testing::converted(random(shape, stream), DType::kF32);
}

TEST_P(Threads, Gemm) {
  for (bool ta : {false, true})
    for (bool tb : {false, true}) {
      Tensor a = f32(ta ? Shape{601, 333} : Shape{333, 601}, 1);
      Tensor b = f32(tb ? Shape{259, 601} : Shape{601, 259}, 2), bias = f32({259}, 3);
      expect_same([&](Backend& backend) {
        Tensor c = backend.empty({333, 259}, DType::kF32);
        backend.gemm({.a = a, .b = b, .c = c, .transpose_a = ta, .transpose_b = tb, .bias = bias});
        return std::vector{c};
      });
    }
  Tensor x = f32({3, 500}, 1), w = f32({301, 500}, 2);
  expect_same([&](Backend& backend) {
    Tensor c = backend.empty({3, 301}, DType::kF32);
    backend.gemm({.a = x, .b = w, .c = c, .transpose_b = true});
    return std::vector{c};
  });
}

TEST_P(Threads, Norm) {
  NormArgs a{f32({700, 130}, 1), f32({130}, 2), f32({130}, 3), {}, {}, {}};
  Tensor dy = f32({700, 130}, 4);
  expect_same([&](Backend& backend) {
    NormArgs args = a;
    args.y = backend.empty(a.x.shape(), DType::kF32);
    args.stats = backend.empty({700, 2}, DType::kF32);
    backend.norm_forward(args);
    Tensor dx = backend.empty(a.x.shape(), DType::kF32), dw = backend.empty({130}, DType::kF32);
    Tensor db = backend.empty({130}, DType::kF32);
    backend.norm_backward(args, {dy, {dx, 0}, {dw, 0}, {db, 0}});
    return std::vector{args.y, dx, dw, db};
  });
}

TEST_P(Threads, ElementByElement) {
  Shape n{40001};
  Tensor x = f32(n, 1), up = f32(n, 2), dy = f32(n, 3);
  expect_same([&](Backend& backend) {
    std::vector<Tensor> out;
    for (Activation kind : {Activation::kSilu, Activation::kGelu, Activation::kGeluTanh}) {
      Tensor y = backend.empty(n, DType::kF32), dx = backend.empty(n, DType::kF32);
      Tensor dup = backend.empty(n, DType::kF32), half = backend.empty(n, DType::kBF16);
      backend.activation_forward({x, up, kind, y});
      backend.activation_backward({x, up, kind, {}}, {dy, {dx, 0}, {dup, 0}});
      backend.copy(y, half);
      backend.accumulate(0.3f, y, {dx, 0.7f});
      out.insert(out.end(), {y, dx, dup, half});
    }
    Tensor value = backend.empty(n, DType::kF32), m = backend.empty(n, DType::kF32);
    Tensor v = backend.empty(n, DType::kF32);
    backend.copy(x, value), backend.zero(m), backend.zero(v);
    backend.adamw({value, dy, m, v, 1e-3, 0.9, 0.95, 1e-8, 0.1, 1});
    out.insert(out.end(), {value, m, v});
    return out;
  });
}

TEST_P(Threads, Sums) {
  Tensor x = f32({3000, 201}, 1), table = f32({50, 201}, 2);
  std::vector<int32_t> tokens(3000);
  for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = int32_t(i * 7 % 50);
  Tensor ids = Tensor::of(tokens, {3000});
  expect_same([&](Backend& backend) {
    Tensor sum = backend.empty({201}, DType::kF32), dtable = backend.empty({50, 201}, DType::kF32);
    backend.column_sum({x, {sum, 0}});
    backend.embed_backward({ids, table, 1, {}}, {x, {dtable, 0}});
    float squares = float(backend.sum_squares(x));
    Tensor logits = backend.empty(x.shape(), DType::kF32);
    Tensor losses = backend.empty({3000}, DType::kF32);
    backend.copy(x, logits);
    backend.cross_entropy({logits, ids, losses, 1e-4f, true, 0.5f});
    return std::vector{sum, dtable, Tensor::of(std::vector{squares}, {1}), logits, losses};
  });
}

TEST_P(Threads, Attention) {
  Tensor q = f32({310, 4, 20}, 1), k = f32({310, 2, 20}, 2), v = f32({310, 2, 20}, 3);
  Tensor dy = f32({310, 4, 20}, 4);
  std::vector<AttentionSegment> segments{{0, 230, 0, 230}, {230, 77, 230, 77}, {307, 3, 307, 3}};
  expect_same([&](Backend& backend) {
    AttentionArgs a{.q = q, .k = k, .v = v, .segments = segments, .scale = 0.2f};
    a.y = backend.empty(q.shape(), DType::kF32);
    a.lse = backend.empty({310, 4}, DType::kF32);
    backend.attention_forward(a);
    a.dropout = {.rate = 0.2, .seed = 1};
    backend.attention_forward(a);
    Tensor dq = backend.empty(q.shape(), DType::kF32), dk = backend.empty(k.shape(), DType::kF32);
    Tensor dv = backend.empty(k.shape(), DType::kF32);
    backend.attention_backward(a, {dy, {dq, 0}, {dk, 0}, {dv, 0}});
    return std::vector{a.y, a.lse, dq, dk, dv};
  });
}

}  // namespace
}  // namespace slm
