#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/isa.h"
#include "support/op_test.h"

namespace slm {
namespace {

using testing::random;

constexpr DType kFormats[] = {DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1,
                              DType::kQ8_0, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};
constexpr double kUnit = 0x1p-24;  // of f32

Tensor f32(const Shape& shape, uint64_t stream) {
  return testing::converted(random(shape, stream), DType::kF32);
}

struct Epilogue {
  float alpha = 1, beta = 0;
  bool bias = false;
};

class Int8Products : public ::testing::TestWithParam<std::string_view> {
 protected:
  std::unique_ptr<Backend> make(int threads = 1) const {
    return make_cpu_backend({.threads = threads, .isa = std::string(GetParam())});
  }

  static Tensor product(Backend& backend, const Tensor& x, const Tensor& w, Epilogue e = {}) {
    Tensor c = f32({x.dim(0), w.dim(0)}, 7);
    Tensor bias = e.bias ? f32({w.dim(0)}, 8) : Tensor{};
    backend.gemm({.a = x,
                  .b = w,
                  .c = c,
                  .transpose_b = true,
                  .alpha = e.alpha,
                  .beta = e.beta,
                  .bias = bias});
    return c;
  }
};
INSTANTIATE_TEST_SUITE_P(Every, Int8Products, ::testing::ValuesIn(cpu::available_isas()),
                         [](const auto& isa) { return std::string(isa.param); });

// What an element may be off by: `rounding` is that of the activations; sums of f32 round once for
// each factor, term and sum, each within the magnitudes summed. Weights that are a multiple plus a
// minimum are summed as two terms, neither larger than twice the row's largest weight.
struct Exact {
  double value = 0, rounding = 0, magnitudes = 0;
  double bound(int64_t k) const { return rounding + kUnit * double(4 * k / 32 + 8) * magnitudes; }
};

Exact exact_dot(const float* x, const float* w, int64_t k) {
  Exact e;
  double largest_w = 0;
  for (int64_t i = 0; i < k; ++i) largest_w = std::max(largest_w, std::abs(double(w[i])));
  for (int64_t run = 0; run < k; run += 32) {
    double largest = 0, weights = 0;
    for (int64_t i = run; i < run + 32; ++i) {
      e.value += double(x[i]) * w[i];
      largest = std::max(largest, std::abs(double(x[i])));
      weights += std::abs(double(w[i]));
      e.magnitudes += std::abs(double(x[i])) * 4 * largest_w;
    }
    // half a step, and as the quotient is rounded to f32 before, a little more
    e.rounding += largest / 127 * (0.5 + 128 * 4 * kUnit) * weights;
  }
  return e;
}

void expect_within_bounds(const Tensor& y, const Tensor& x, const Tensor& w, Epilogue e,
                          bool rounds) {
  Tensor plain = to_dtype(w, DType::kF32), before = f32(y.shape(), 7), bias = f32({w.dim(0)}, 8);
  int64_t k = x.dim(1), columns = w.dim(0);
  for (int64_t i = 0; i < y.elements(); ++i) {
    int64_t r = i / columns, n = i % columns;
    Exact dot = exact_dot(x.data<float>() + r * k, plain.data<float>() + n * k, k);
    if (!rounds) dot.rounding = 0;
    double c = e.beta * before.data<float>()[i], b = e.bias ? bias.data<float>()[n] : 0;
    double expected = e.alpha * dot.value + c + b;
    double bound = std::abs(e.alpha) * dot.bound(k) + 4 * kUnit * (std::abs(c) + std::abs(b));
    ASSERT_NEAR(y.data<float>()[i], expected, bound) << "row " << r << ", column " << n;
  }
}

TEST_P(Int8Products, AreOffByTheRoundingOfActivations) {
  auto backend = make(3);
  for (DType type : kFormats)
    for (Epilogue e : {Epilogue{}, Epilogue{-0.7f, 0.5f, true}, Epilogue{1, 1, false}}) {
      SCOPED_TRACE(traits(type).name);
      int64_t k = 3 * traits(type).block_elems;
      Tensor w = to_dtype(random({35, k}, 1), type), x = f32({13, k}, 2);
      expect_within_bounds(product(*backend, x, w, e), x, w, e, true);
      Tensor few = w.rows(3, 6);
      expect_within_bounds(product(*backend, x.rows(0, 1), few, e), x.rows(0, 1), few, e, true);
    }
}

// With whole numbers up to 127 in every run, nothing is rounded but sums.
TEST_P(Int8Products, OfWholeNumbersAreThoseOfTheWeights) {
  auto backend = make();
  for (DType type : kFormats) {
    SCOPED_TRACE(traits(type).name);
    int64_t k = 1280;  // more than one chunk of k
    Tensor w = to_dtype(random({21, k}, 1), type), x = f32({7, k}, 2);
    for (int64_t i = 0; i < x.elements(); ++i) {
      float& v = x.data<float>()[i];
      v = i % 32 == 5 ? (i % 64 == 5 ? 127 : -127)
                      : std::clamp(std::nearbyint(40 * v), -127.0f, 127.0f);
    }
    expect_within_bounds(product(*backend, x, w), x, w, {}, false);
  }
}

// The extremes of every format's integers against the extremes of activations.
TEST_P(Int8Products, DoNotOverflow) {
  auto backend = make();
  for (DType type : kFormats) {
    SCOPED_TRACE(traits(type).name);
    Tensor w = Tensor::host({16, 512}, type), x = Tensor::host({2, 512}, DType::kF32);
    std::fill_n(x.data<float>(), 512, 127.0f);
    std::fill_n(x.data<float>() + 512, 512, -127.0f);
    for (double value : {1.0, -1.0}) {
      Tensor plain = Tensor::host(w.shape(), DType::kF32);
      for (int64_t i = 0; i < plain.elements(); ++i) plain.data<float>()[i] = float(value);
      expect_within_bounds(product(*backend, x, to_dtype(plain, type)), x, to_dtype(plain, type),
                           {}, false);
    }
    for (int byte : {0x80, 0xff}) {  // scales that are small numbers
      int64_t size = traits(type).block_bytes;
      for (int64_t i = 0; i < w.bytes(); ++i)
        w.data<uint8_t>()[i] = uint8_t(type == DType::kQ6_K ? (i % size >= 208 ? 0x11 : byte)
                                                            : (i % size < 4 ? 0x11 : byte));
      expect_within_bounds(product(*backend, x, w), x, w, {}, false);
    }
  }
}

TEST_P(Int8Products, DoNotDependOnOtherRowsOrThreads) {
  auto one = make(), three = make(3);
  for (DType type : kFormats) {
    Tensor w = to_dtype(random({67, 768}, 1), type), x = f32({21, 768}, 2);
    Tensor all = product(*one, x, w, {0.7f, 0.5f, true});
    Tensor shared = product(*three, x, w, {0.7f, 0.5f, true});
    EXPECT_EQ(std::memcmp(all.bytes_data(), shared.bytes_data(), size_t(all.bytes())), 0);
    all = product(*one, x, w);
    for (int64_t rows : {1, 2, 3, 5, 8, 15})
      for (int64_t first = 0; first + rows <= 21; first += rows) {
        Tensor some = product(*three, x.rows(first, first + rows), w);
        ASSERT_EQ(std::memcmp(some.bytes_data(), all.rows(first, first + rows).bytes_data(),
                              size_t(some.bytes())),
                  0)
            << traits(type).name << ": " << rows << " rows from " << first << " on";
      }
  }
}

TEST_P(Int8Products, OfMoreRowsThanAreTakenAtOnce) {
  auto backend = make(2);
  Tensor w = to_dtype(random({19, 64}, 1), DType::kQ4_1), x = f32({1031, 64}, 2);
  Tensor all = product(*backend, x, w);
  for (int64_t r : {0, 511, 512, 1023, 1024, 1030}) {
    Tensor row = product(*backend, x.rows(r, r + 1), w);
    EXPECT_EQ(std::memcmp(row.bytes_data(), all.rows(r, r + 1).bytes_data(), 19 * 4), 0) << r;
  }
}

TEST_P(Int8Products, OfUnusualNumbers) {
  auto backend = make();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (DType type : kFormats) {
    SCOPED_TRACE(traits(type).name);
    Tensor w = to_dtype(random({16, 256}, 1), type), x = f32({6, 256}, 2);
    float* rows = x.data<float>();
    rows[40] = kNan;
    rows[256 + 255] = -kInfinity;
    std::fill_n(rows + 2 * 256, 256, 0.0f);
    std::fill_n(rows + 3 * 256, 256, 1e-42f);
    for (int i = 0; i < 256; ++i) rows[4 * 256 + i] *= 1e30f;
    Tensor y = product(*backend, x, w);
    for (int n = 0; n < 16; ++n) {
      for (int r : {0, 1}) EXPECT_FALSE(std::isfinite(y.data<float>()[r * 16 + n]));
      EXPECT_EQ(y.data<float>()[2 * 16 + n], 0);
      EXPECT_LE(std::abs(y.data<float>()[3 * 16 + n]), 1e-38f);
    }
    expect_within_bounds(y.rows(4, 6), x.rows(4, 6), w, {}, true);
  }
}

TEST_P(Int8Products, AreNotTakenWhereExactOnesAreAskedFor) {
  auto backend = make_cpu_backend({.threads = 1, .isa = std::string(GetParam()), .exact = true});
  for (DType type : kFormats)
    for (int64_t rows : {1, 13}) {
      Tensor w = to_dtype(random({20, 512}, 1), type), x = f32({rows, 512}, 2);
      expect_within_bounds(product(*backend, x, w), x, w, {}, false);
    }
}

}  // namespace
}  // namespace slm
