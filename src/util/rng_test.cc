#include "util/rng.h"

#include <gtest/gtest.h>

#include <cmath>

namespace slm {
namespace {

// Known answers of Philox4x32-10 from the Random123 distribution (kat_vectors).
TEST(Rng, PhiloxKnownAnswers) {
  EXPECT_EQ(Rng(0, 0).block(0),
            (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Rng(~0ull, ~0ull).block(~0ull),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

TEST(Rng, SeekRepeats) {
  Rng a(1, 2), b(1, 2);
  for (int i = 0; i < 10; ++i) a.next_u32();
  b.seek(10);
  EXPECT_EQ(a.next_u32(), b.next_u32());
}

TEST(Rng, NormalHasUnitVariance) {
  Rng rng(7);
  double sum = 0, squares = 0;
  const int n = 100000;
  for (int i = 0; i < n; ++i) {
    double x = rng.normal();
    sum += x, squares += x * x;
  }
  EXPECT_NEAR(sum / n, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(squares / n, 1, 5 * std::sqrt(2.0 / n));
}

}  // namespace
}  // namespace slm
