#include "backend/profiled_backend.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace slm {
namespace {

class ProfiledBackendTest : public ::testing::Test {
 protected:
  KernelAccount account(std::string_view name) const {
    for (const KernelAccount& a : profiled.accounts())
      if (a.name == name) return a;
    return {};
  }

  std::unique_ptr<Backend> inner = make_reference_backend();
  ProfiledBackend profiled{*inner};
};

TEST_F(ProfiledBackendTest, HandsOnCallsAndCountsWhatTheyMustDo) {
  const float values[] = {1, 2, 3, 4, 5, 6};
  Tensor a = Tensor::of(values, {2, 3}), b = Tensor::of(values, {2, 3});
  Tensor c = profiled.empty({2, 2}, DType::kF32);
  for (int i = 0; i < 2; ++i) profiled.gemm({.a = a, .b = b, .c = c, .transpose_b = true});
  const float expected[] = {14, 32, 32, 77};
  EXPECT_TRUE(std::ranges::equal(c.span<float>(), expected));
  KernelAccount product = account("product x w'");
  EXPECT_EQ(product.calls, 2);
  EXPECT_EQ(product.flops, 2 * 2 * 2 * 2 * 3);
  EXPECT_EQ(product.bytes, 2 * 4 * (6 + 6 + 4));
  EXPECT_GE(product.seconds, 0);
  EXPECT_EQ(profiled.sum_squares(a), 91);
  EXPECT_EQ(account("sum of squares").bytes, 24);
  profiled.reset();
  EXPECT_TRUE(profiled.accounts().empty());
}

// Two documents of 3 and 2 tokens: 6 + 3 pairs without a window, 5 + 3 with a window of 2.
TEST_F(ProfiledBackendTest, AttentionCountsThePairsTheMaskLeaves) {
  Tensor x = profiled.empty({5, 1, 4}, DType::kF32), y = profiled.empty({5, 1, 4}, DType::kF32);
  profiled.zero(x);
  AttentionSegment segments[] = {{0, 3, 0, 3}, {3, 2, 3, 2}};
  AttentionArgs args{.q = x, .k = x, .v = x, .segments = segments, .y = y};
  profiled.attention_forward(args);
  EXPECT_EQ(account("attention forward").flops, 2 * 2 * 9 * 4);
  args.window = 2;
  profiled.attention_forward(args);
  EXPECT_EQ(account("attention forward").flops, 2 * 2 * (9 + 8) * 4);
}

}  // namespace
}  // namespace slm
