#include "backend/reference/numbers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace slm::reference {
namespace {

double stored(DType type, double x) {
  Tensor t = Tensor::host({1}, type);
  write(t, Numbers{x});
  return read(t)[0];
}

TEST(ReferenceNumbers, RoundOnceToNearestEven) {
  double below_tie = 1 + 0x1p-8 - 0x1p-40, above_tie = 1 + 0x1p-8 + 0x1p-40;
  EXPECT_EQ(stored(DType::kBF16, below_tie), 1);
  EXPECT_EQ(stored(DType::kBF16, 1 + 0x1p-8), 1);
  EXPECT_EQ(stored(DType::kBF16, above_tie), 1 + 0x1p-7);  // rounding to f32 first would lose this
  EXPECT_EQ(stored(DType::kF16, -1 - 0x1p-11 - 0x1p-40), -1 - 0x1p-10);
  EXPECT_EQ(stored(DType::kF32, 1 + 0x1p-24 + 0x1p-50), 1 + 0x1p-23);
  EXPECT_EQ(stored(DType::kF64, 1 + 0x1p-52), 1 + 0x1p-52);
}

TEST(ReferenceNumbers, KeepTheEndsOfTheRange) {
  double infinity = std::numeric_limits<double>::infinity();
  for (DType type : {DType::kF32, DType::kBF16, DType::kF16}) {
    EXPECT_EQ(stored(type, -infinity), -infinity);
    EXPECT_EQ(stored(type, 1e300), infinity);
    EXPECT_EQ(stored(type, -1e-300), 0);
    EXPECT_NE(stored(type, std::nan("")), stored(type, std::nan("")));
  }
}

TEST(ReferenceNumbers, ASlotWithBetaZeroIgnoresWhatWasThere) {
  Tensor grad = Tensor::of(std::vector<float>{std::nanf(""), 2}, {2});
  write(GradSlot{grad, 0}, {3, 4});
  write(GradSlot{grad, 0.5f}, {1, 1});
  EXPECT_EQ(read(grad), (Numbers{2.5, 3}));
  write(GradSlot{}, {});
}

}  // namespace
}  // namespace slm::reference
