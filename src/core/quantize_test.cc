#include "core/quantize.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <vector>

#include "util/error.h"
#include "util/rng.h"

namespace slm {
namespace {

Tensor random_matrix(int64_t rows, int64_t columns) {
  Tensor t = Tensor::host({rows, columns}, DType::kF32);
  Rng rng(hash_name("matrix"));
  for (float& x : t.span<float>()) x = float(rng.normal());
  return t;
}

double weighted_error(const Tensor& t, const Tensor& coded, const std::vector<float>& importance) {
  Tensor back = to_dtype(coded, DType::kF32);
  double sum = 0;
  for (int64_t i = 0; i < t.elements(); ++i) {
    double error = double(t.data<float>()[i]) - double(back.data<float>()[i]);
    sum += double(importance[size_t(i % t.dim(1))]) * error * error;
  }
  return sum;
}

TEST(Quantize, DoesNotDependOnThreads) {
  ThreadPool one(1), three(3);
  Tensor t = random_matrix(13, 256);
  Tensor a = quantize(t, DType::kQ4_K, {}, one, "t"), b = quantize(t, DType::kQ4_K, {}, three, "t");
  EXPECT_EQ(std::memcmp(a.bytes_data(), b.bytes_data(), size_t(a.bytes())), 0);
  Tensor c = to_dtype(t, DType::kQ4_K);
  EXPECT_EQ(std::memcmp(a.bytes_data(), c.bytes_data(), size_t(a.bytes())), 0);
}

TEST(Quantize, ImportanceLowersTheErrorThatCounts) {
  ThreadPool pool(2);
  Tensor t = random_matrix(8, 512);
  std::vector<float> importance(512);
  for (size_t i = 0; i < importance.size(); ++i) importance[i] = i % 7 == 0 ? 50 : i % 3 ? 1 : 0;
  for (DType dtype : {DType::kQ4_0, DType::kQ4_K, DType::kQ6_K}) {
    double plain = weighted_error(t, quantize(t, dtype, {}, pool, "t"), importance);
    double weighted = weighted_error(t, quantize(t, dtype, importance, pool, "t"), importance);
    EXPECT_LT(weighted, 0.9 * plain) << traits(dtype).name;
  }
}

TEST(Quantize, ReadsEveryType) {
  ThreadPool pool(1);
  Tensor t = to_dtype(random_matrix(2, 256), DType::kBF16);
  Tensor blocks = quantize(t, DType::kQ8_0, {}, pool, "t");
  EXPECT_EQ(quantize(blocks, DType::kQ4_K, {}, pool, "t").bytes(), 2 * 144);
  EXPECT_EQ(quantize(t, DType::kF16, {}, pool, "t").dtype(), DType::kF16);
  EXPECT_EQ(quantize(blocks, DType::kQ8_0, {}, pool, "t").storage(), blocks.storage());
}

TEST(Quantize, RefusesWhatIsNotFiniteOrDoesNotFit) {
  ThreadPool pool(2);
  Tensor t = random_matrix(4, 64);
  EXPECT_THROW(quantize(t, DType::kQ4_K, {}, pool, "t"), Error);
  EXPECT_THROW(quantize(t, DType::kQ4_0, std::vector<float>(32, 1), pool, "t"), Error);
  t.data<float>()[64 * 2 + 5] = std::numeric_limits<float>::infinity();
  try {
    quantize(t, DType::kQ4_0, {}, pool, "blk.0.ffn_up.weight");
    FAIL() << "took an infinity";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kCorrupt);
    EXPECT_NE(std::string(error.what()).find("blk.0.ffn_up.weight: row 2"), std::string::npos);
  }
}

}  // namespace
}  // namespace slm
