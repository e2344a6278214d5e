#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "core/blocks/k_scales.h"
#include "core/dtype.h"
#include "core/parameters.h"
#include "core/tensor.h"
#include "util/error.h"
#include "util/rng.h"

namespace slm {
namespace {

// Reference values come from ggml (llama.cpp), run on the same blocks and weights.
struct FormatCase {
  DType dtype;
  int bits_per_block;
  std::vector<int> f16_at;  // bytes where a scale lies
  uint64_t decoded;         // FNV-1a of the decoded f32 bytes of random_blocks()
  double normal_rmse, heavy_rmse;
};

const FormatCase kCases[] = {
    {DType::kQ4_0, 144, {0}, 0x71f2996217d6d77d, 0.00172049, 0.0082127},
    {DType::kQ4_1, 160, {0, 2}, 0x35c640219770cc0d, 0.00156955, 0.00864255},
    {DType::kQ5_0, 176, {0}, 0x6802284fe621a48a, 0.000855825, 0.00453186},
    {DType::kQ5_1, 192, {0, 2}, 0x444493f83bff0d07, 0.000754549, 0.00404473},
    {DType::kQ8_0, 272, {0}, 0x24d1c0dd61e8532d, 0.000107615, 0.000651454},
    {DType::kQ4_K, 1152, {0, 2}, 0x18a4a02ac34cb77d, 0.00143326, 0.0067622},
    {DType::kQ5_K, 1408, {0, 2}, 0x6d6df270cb342095, 0.000719798, 0.00369046},
    {DType::kQ6_K, 1680, {208}, 0x60a7cefafcb4c470, 0.000360381, 0.00183397},
};

constexpr int kBlocks = 64;

uint64_t fnv(const void* data, size_t size) {
  uint64_t hash = 0xcbf29ce484222325;
  for (size_t i = 0; i < size; ++i)
    hash = (hash ^ static_cast<const uint8_t*>(data)[i]) * 0x100000001b3;
  return hash;
}

std::vector<uint8_t> random_blocks(const FormatCase& c) {
  const DTypeTraits& t = traits(c.dtype);
  std::vector<uint8_t> bytes(size_t(kBlocks * t.block_bytes));
  Rng rng(hash_name("random blocks"), uint64_t(c.dtype));
  for (uint8_t& byte : bytes) byte = uint8_t(rng.next_u32());
  for (int b = 0; b < kBlocks; ++b)  // finite scales
    for (int at : c.f16_at) bytes[size_t(b * t.block_bytes + at + 1)] &= 0xbf;
  return bytes;
}

std::vector<float> random_weights(int64_t n, bool heavy_tails) {
  std::vector<float> x(static_cast<size_t>(n));
  Rng rng(hash_name("random weights"), heavy_tails);
  for (float& v : x) {
    float u = float(rng.normal());
    v = 0.02f * (heavy_tails ? u * u * u : u);
  }
  return x;
}

std::vector<float> coded(DType dtype, const std::vector<float>& x,
                         const std::vector<float>& w = {}) {
  const DTypeTraits& t = traits(dtype);
  int64_t n = int64_t(x.size());
  std::vector<uint8_t> bytes(size_t(bytes_of(dtype, n)));
  w.empty() ? t.from_f32(x.data(), bytes.data(), n)
            : t.from_f32_weighted(x.data(), w.data(), bytes.data(), n);
  std::vector<float> y(x.size());
  t.to_f32(bytes.data(), y.data(), n);
  return y;
}

double rmse(const std::vector<float>& x, const std::vector<float>& y,
            const std::vector<float>& w = {}) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i)
    sum += (w.empty() ? 1.0 : double(w[i])) * std::pow(double(x[i]) - double(y[i]), 2);
  return std::sqrt(sum / double(x.size()));
}

class BlockFormat : public ::testing::TestWithParam<FormatCase> {};
std::string name_of(const ::testing::TestParamInfo<FormatCase>& test) {
  return std::string(traits(test.param.dtype).name);
}
INSTANTIATE_TEST_SUITE_P(Every, BlockFormat, ::testing::ValuesIn(kCases), name_of);

TEST_P(BlockFormat, HasItsSize) {
  const DTypeTraits& t = traits(GetParam().dtype);
  EXPECT_EQ(t.block_bytes * 8, GetParam().bits_per_block);
  EXPECT_EQ(dtype_from_name(t.name), GetParam().dtype);
}

TEST_P(BlockFormat, DecodesBitForBit) {
  auto bytes = random_blocks(GetParam());
  const DTypeTraits& t = traits(GetParam().dtype);
  std::vector<float> x(size_t(kBlocks * t.block_elems));
  t.to_f32(bytes.data(), x.data(), int64_t(x.size()));
  EXPECT_EQ(fnv(x.data(), x.size() * sizeof(float)), GetParam().decoded);
}

TEST_P(BlockFormat, EncodesBetterThanGgml) {
  auto normal = random_weights(1 << 14, false), heavy = random_weights(1 << 14, true);
  EXPECT_LT(rmse(normal, coded(GetParam().dtype, normal)), GetParam().normal_rmse);
  EXPECT_LT(rmse(heavy, coded(GetParam().dtype, heavy)), GetParam().heavy_rmse);
}

TEST_P(BlockFormat, WeightsMoveTheErrorToWhereItMattersLess) {
  auto x = random_weights(1 << 13, true);
  std::vector<float> weights(x.size());
  Rng rng(hash_name("importance"));
  for (float& w : weights) w = std::exp(2 * float(rng.normal()));
  double plain = rmse(x, coded(GetParam().dtype, x), weights);
  EXPECT_LT(rmse(x, coded(GetParam().dtype, x, weights), weights), 0.95 * plain);
}

TEST_P(BlockFormat, KeepsZerosAndConstants) {
  for (float value : {0.0f, 0.75f, -0.75f}) {
    std::vector<float> x(512, value);
    for (float y : coded(GetParam().dtype, x)) EXPECT_NEAR(y, value, 0.02 * std::abs(value));
  }
}

TEST_P(BlockFormat, SurvivesNumbersOutOfReach) {
  auto x = random_weights(512, false);
  for (float scale : {1e-30f, 1e-8f, 1e8f, 1e30f}) {
    std::vector<float> scaled;
    for (float v : x) scaled.push_back(v * scale);
    for (float y : coded(GetParam().dtype, scaled)) ASSERT_TRUE(std::isfinite(y)) << scale;
  }
  x[3] = std::numeric_limits<float>::quiet_NaN();
  x[300] = std::numeric_limits<float>::infinity();
  coded(GetParam().dtype, x);  // whatever comes out, but no undefined behaviour
}

TEST_P(BlockFormat, WithoutAnyWeightIsStillABlock) {
  auto x = random_weights(512, false);
  double plain = rmse(x, coded(GetParam().dtype, x));
  EXPECT_LT(rmse(x, coded(GetParam().dtype, x, std::vector<float>(x.size(), 0))), 2.5 * plain);
}

TEST(KScales, PackAndUnpack) {
  Rng rng(hash_name("k scales"));
  for (int trial = 0; trial < 100; ++trial) {
    blocks::KScales s, back;
    for (int g = 0; g < 8; ++g) {
      s.scale[g] = uint8_t(rng.next_u32() & 63);
      s.min[g] = uint8_t(rng.next_u32() & 63);
    }
    uint8_t bytes[12];
    blocks::pack(s, bytes);
    blocks::unpack(bytes, back);
    EXPECT_EQ(std::memcmp(s.scale, back.scale, 8), 0);
    EXPECT_EQ(std::memcmp(s.min, back.min, 8), 0);
  }
}

TEST(BlockTensor, RowsAreWholeBlocks) {
  Tensor t = Tensor::host({3, 512}, DType::kQ4_K);
  EXPECT_EQ(t.bytes(), 6 * 144);
  EXPECT_TRUE(t.quantized());
  EXPECT_EQ(t.rows(1, 3).byte_offset(), 2 * 144);
  EXPECT_EQ(t.slice(256, 512).byte_offset(), 144);
  EXPECT_EQ(t.rows(1, 2).element_offset(), 512);
  EXPECT_THROW(Tensor::host({2, 128}, DType::kQ4_K), Error);
  EXPECT_THROW(Tensor::host({4, 64}, DType::kQ4_K), Error);  // 256 numbers, but not in one row
  EXPECT_THROW(t.slice(0, 100), Error);
}

TEST(BlockTensor, ConvertsBothWays) {
  auto x = random_weights(1024, false);
  Tensor plain = Tensor::of(x, {2, 512}), blocks = to_dtype(plain, DType::kQ8_0);
  Tensor back = to_dtype(blocks, DType::kF32);
  for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(back.data<float>()[i], x[i], 4e-4) << i;
  EXPECT_EQ(dtype_from_file_name(""), std::nullopt);  // a file that names no format has none
}

struct HostMemory : Allocator {
  Tensor empty(const Shape& shape, DType dtype) override { return Tensor::host(shape, dtype); }
  void zero(const Tensor& t) override { std::memset(t.bytes_data(), 0, size_t(t.bytes())); }
  void copy(const Tensor&, const Tensor&) override {}
};

TEST(BlockTensor, ParametersInBlocksAreNotTrained) {
  HostMemory memory;
  Parameters parameters;
  parameters.add({"blocks.0.mlp.up.weight", {2, 256}, ParameterRole::kInput},
                 Tensor::host({2, 256}, DType::kQ4_K));
  try {
    parameters.make_trainable(memory);
    FAIL() << "trains blocks";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("blocks.0.mlp.up.weight"), std::string::npos);
  }
}

}  // namespace
}  // namespace slm
