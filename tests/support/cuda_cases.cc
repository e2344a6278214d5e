#include "support/cuda_cases.h"

#include <gtest/gtest.h>

#include "support/refusal.h"

namespace slm::testing {

// In every program whose tests run on this backend: its report says when they did not.
TEST(CudaCases, RunOnThisMachine) {
  if (!cuda_available())
    GTEST_SKIP() << "no test runs on the backend cuda: " << refusal([] { make_cuda_backend(); });
  EXPECT_EQ(make_cuda_backend()->device(), Device::kCuda);
}

std::vector<OpCase> cuda_cases() {
  if (!cuda_available()) return {};
  return {{"cuda", [](int) { return make_cuda_backend({.exact = true}); }}};
}

}  // namespace slm::testing
