#include "core/tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "support/scratch_dir.h"
#include "util/error.h"
#include "util/files.h"
#include "util/mapped_file.h"

namespace slm {
namespace {

TEST(DType, SixteenBitFloatsRoundTripEveryPattern) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    float half = f16_to_f32(uint16_t(bits)), brain = bf16_to_f32(uint16_t(bits));
    if (!std::isnan(half)) {
      EXPECT_EQ(f32_to_f16(half), bits);
    }
    if (!std::isnan(brain)) {
      EXPECT_EQ(f32_to_bf16(brain), bits);
    }
  }
}

TEST(DType, NarrowingRoundsToNearestEven) {
  EXPECT_EQ(f32_to_bf16(1.0f + 0x1p-8f), 0x3f80);  // a tie goes to the even neighbour
  EXPECT_EQ(f32_to_bf16(1.0f + 0x1p-8f + 0x1p-20f), 0x3f81);
  EXPECT_EQ(f32_to_f16(1.0f + 0x1p-11f), 0x3c00);
  EXPECT_EQ(f32_to_f16(65520.0f), 0x7c00);  // halfway past the largest value: infinity
  EXPECT_EQ(f32_to_f16(65519.0f), 0x7bff);
  EXPECT_EQ(f32_to_f16(0x1p-25f), 0);  // half the smallest subnormal: even is zero
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(std::numeric_limits<float>::quiet_NaN()))));
  EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(std::numeric_limits<float>::quiet_NaN()))));
}

TEST(Tensor, OfAFileKeepsItAndSaysSo) {
  auto path = testing::scratch_dir() / "numbers";
  write_file_atomically(path, std::string("head\0\0\x80\x3f\0\0\0\x40", 12));
  auto file = MappedFile::open(path);
  const MappedFile* source = file.get();
  Tensor t = Tensor::mapped(std::move(file), 4, {2}, DType::kF32);
  EXPECT_EQ(t.data<float>()[0], 1);
  EXPECT_EQ(t.data<float>()[1], 2);
  EXPECT_EQ(t.rows(1, 2).storage()->file, source);
  EXPECT_EQ(Tensor::host({2}, DType::kF32).storage()->file, nullptr);
}

TEST(Tensor, ViewsShareStorage) {
  Tensor t = Tensor::of(std::vector<float>{0, 1, 2, 3, 4, 5}, {3, 2});
  Tensor row = t.rows(1, 2);
  row.data<float>()[1] = 9;
  EXPECT_EQ(t.data<float>()[3], 9);
  EXPECT_EQ(row.element_offset(), 2);
  EXPECT_FALSE(row.covers_storage());
  EXPECT_TRUE(t.reshape({6}).covers_storage());
}

TEST(Tensor, RefusesViewsThatDoNotFit) {
  Tensor t = Tensor::of(std::vector<float>{0, 1, 2, 3}, {2, 2});
  EXPECT_THROW(t.rows(1, 3), Error);
  EXPECT_THROW(t.reshape({3}), Error);
  EXPECT_THROW(Tensor(t.shared_storage(), 8, {3}, DType::kF32), Error);
  EXPECT_THROW((Shape{int64_t{1} << 40, int64_t{1} << 40}.elements()), Error);
}

}  // namespace
}  // namespace slm
