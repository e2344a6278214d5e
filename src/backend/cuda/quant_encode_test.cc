// Blocks the device encodes are those of the host, bit by bit, whatever the numbers.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "backend/cuda/quant.cuh"
#include "support/cuda_test.h"
#include "support/op_test.h"
#include "util/error.h"
#include "util/rng.h"

namespace slm::cuda {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> normal(int64_t n, float spread) {
  std::vector<float> x(static_cast<size_t>(n));
  Rng rng(hash_name("numbers to encode"), uint64_t(n));
  for (float& v : x) v = spread * float(rng.normal());
  return x;
}

class CudaEncode : public testing::CudaTest {
 protected:
  void expect_blocks_of_host(const std::string& what, const Tensor& x) {
    Tensor blocks = cx().empty(x.shape(), GetParam());
    encode(cx(), on_device(x), blocks);
    testing::expect_same_bits(what, on_host(blocks), to_dtype(x, GetParam()));
  }
  void expect_blocks_of_host(const std::string& what, const std::vector<float>& x) {
    expect_blocks_of_host(what, Tensor::of(x, {int64_t(x.size())}));
  }
};
INSTANTIATE_TEST_SUITE_P(Caches, CudaEncode, ::testing::Values(DType::kQ4_0, DType::kQ8_0),
                         testing::dtype_name);

// 43 blocks end in the middle of a warp and of a launch's last block; tails are heavy and thin.
TEST_P(CudaEncode, OrdinaryNumbers) {
  std::vector<float> x = normal(43 * 32, 0.7f);
  for (DType type : {DType::kF32, DType::kBF16, DType::kF16})
    expect_blocks_of_host(std::string(traits(type).name), to_dtype(Tensor::of(x, {43, 32}), type));
  for (float& v : x) v = v * v * v;
  expect_blocks_of_host("heavy tails", x);
}

// As scales of f16 those are subnormal, zero, or past the largest.
TEST_P(CudaEncode, SmallAndLargeNumbers) {
  for (float spread : {1e-45f, 1e-41f, 1e-38f, 1e-30f, 1e-9f, 3e-7f, 1e-5f, 1e4f, 1e7f, 1e37f})
    expect_blocks_of_host(std::to_string(std::log10(spread)), normal(9 * 32, spread));
}

TEST_P(CudaEncode, ConstantsAndTies) {
  for (float value : {0.0f, -0.0f, 0.75f, -0.75f, 65504.0f, 1e-40f})
    expect_blocks_of_host(std::to_string(value), std::vector<float>(64, value));
  // Which of two equal magnitudes comes first decides the sign of a q4_0 scale; every pair of
  // lanes.
  for (size_t at = 0; at < 8; ++at)
    for (size_t other = 0; other < 32; other += 3)
      for (float sign : {1.0f, -1.0f}) {
        std::vector<float> x = normal(32, 0.2f);
        x[at] = sign * 3;
        if (other != at) x[other] = -sign * 3;
        expect_blocks_of_host("a tie", x);
      }
}

TEST_P(CudaEncode, WhatIsNoNumber) {
  const std::vector<std::vector<float>> cases = {
      {kNan}, {kInfinity}, {-kInfinity}, {kInfinity, -kInfinity}, {kNan, kInfinity}};
  for (const std::vector<float>& strange : cases)
    for (size_t at : {0, 5, 30}) {
      std::vector<float> x = normal(3 * 32, 1);  // the blocks on both sides are as without
      for (size_t i = 0; i < strange.size(); ++i) x[32 + at + i] = strange[i];
      expect_blocks_of_host("beside numbers", x);
    }
  for (float all : {kNan, kInfinity, -kInfinity})
    expect_blocks_of_host("alone", std::vector<float>(32, all));
  std::vector<float> zeros(64);
  zeros[40] = kNan;
  expect_blocks_of_host("NaN among zeros", zeros);
}

// Rows in any order between tensors that begin anywhere; what is not meant stays.
TEST_P(CudaEncode, Rows) {
  Tensor from = to_dtype(Tensor::of(normal(7 * 96, 1), {7, 96}), DType::kBF16);
  Tensor to = on_device(to_dtype(Tensor::of(normal(9 * 96, 1), {9, 96}), GetParam()));
  Tensor expected = on_host(to), blocks = to_dtype(from, GetParam());
  const std::vector<RowMove> moves = {{5, 0}, {0, 3}, {2, 4}};
  auto there = cx().upload(std::span<const RowMove>(moves));
  encode_rows(cx(), on_device(from).rows(1, 7), to.rows(2, 9), there.get(), 3);
  for (const RowMove& move : moves) {
    Tensor row = blocks.rows(move.from + 1, move.from + 2);
    Tensor place = expected.rows(move.to + 2, move.to + 3);
    std::memcpy(place.bytes_data(), row.bytes_data(), size_t(row.bytes()));
  }
  testing::expect_same_bits("the rows", on_host(to), expected);
}

TEST_P(CudaEncode, RefusesOtherNumbers) {
  Tensor whole = cx().empty({1, 32}, DType::kI32), blocks = cx().empty({1, 32}, GetParam());
  EXPECT_THROW(encode(cx(), whole, blocks), Error);
}

}  // namespace
}  // namespace slm::cuda
