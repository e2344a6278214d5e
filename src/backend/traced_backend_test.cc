#include "backend/traced_backend.h"

#include <gtest/gtest.h>

#include "backend/dry_backend.h"

namespace slm {
namespace {

TEST(TracedBackend, RemembersWhatWasAliveAtTheMost) {
  auto inner = make_reference_backend();
  TracedBackend backend(*inner);
  Tensor kept = backend.empty({10}, DType::kF32);
  {
    Tensor a = backend.empty({2, 3}, DType::kF32), b = backend.empty({3, 4}, DType::kF32);
    Tensor c = backend.empty({2, 4}, DType::kF32);
    backend.zero(a);
    backend.zero(b);
    backend.gemm({.a = a, .b = b, .c = c});
    Tensor view = c.rows(0, 1);  // views take nothing
  }
  Tensor later = backend.empty({12}, DType::kF32);
  EXPECT_EQ(backend.most_bytes(), 4 * (10 + 6 + 12 + 8));
  auto kinds = backend.most_by_kind();
  EXPECT_EQ(kinds["products"], 4 * 8);
  EXPECT_EQ(kinds["other"], 4 * (10 + 6 + 12));
}

TEST(TracedBackend, NamesWhatItIsToldTo) {
  auto inner = make_reference_backend();
  TracedBackend backend(*inner);
  backend.name_next("mine");
  Tensor a = backend.empty({4}, DType::kF32), b = backend.empty({4}, DType::kF32);
  backend.zero(a);
  backend.add({.a = a, .b = a, .y = b});
  EXPECT_EQ(backend.most_by_kind()["mine"], 32);
}

TEST(DryBackend, CountsMemoryThatItDoesNotTake) {
  DryBackend dry = make_dry_backend();
  constexpr int64_t kTebi = int64_t{1} << 40;
  Tensor huge = dry.backend->empty({kTebi / 4}, DType::kF32);
  dry.backend->zero(huge);
  EXPECT_EQ(dry.most_bytes(), kTebi);
  huge = {};
  Tensor small = dry.backend->empty({1, 16}, DType::kF32);
  EXPECT_EQ(dry.most_bytes(), kTebi);
}

TEST(DryBackend, CountsScratchOfKernels) {
  DryBackend dry = make_dry_backend();
  Tensor a = dry.backend->empty({64, 64}, DType::kF32),
         b = dry.backend->empty({64, 64}, DType::kF32);
  Tensor c = dry.backend->empty({64, 64}, DType::kF32);
  dry.backend->gemm({.a = a, .b = b, .c = c});
  EXPECT_GT(dry.most_bytes(), 3 * 64 * 64 * 4);  // b is packed for the product
}

}  // namespace
}  // namespace slm
