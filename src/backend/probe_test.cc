#include "backend/probe.h"

#include <gtest/gtest.h>

namespace slm {
namespace {

// Bounds that hold from a small board to a large server, yet not for a figure in another unit; NaN
// and infinity fail them too.
TEST(ProbeTest, RatesAreThoseOfAComputer) {
  auto backend = make_cpu_backend();
  double flops = gemm_flops_per_second(*backend), bytes = read_bytes_per_second(*backend);
  EXPECT_TRUE(flops > 1e7 && flops < 1e14) << flops;
  EXPECT_TRUE(bytes > 1e7 && bytes < 1e13) << bytes;
  double int8 = int8_ops_per_second();
  EXPECT_TRUE(int8 > 1e7 && int8 < 1e15) << int8;
}

}  // namespace
}  // namespace slm
