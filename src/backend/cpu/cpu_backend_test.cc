#include "backend/cpu/cpu_backend.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "util/error.h"

namespace slm::cpu {
namespace {

TEST(CpuIsa, IsChosenByOptionThenEnvironment) {
  setenv("STABLELM_CPU_ISA", "portable", 1);
  EXPECT_STREQ(choose_kernels("").name, "portable");
  EXPECT_EQ(choose_kernels(available_isas().front()).name, available_isas().front());
  setenv("STABLELM_CPU_ISA", "abacus", 1);
  EXPECT_THROW(choose_kernels(""), Error);
  unsetenv("STABLELM_CPU_ISA");
  EXPECT_EQ(choose_kernels("").name, available_isas().front());
  EXPECT_EQ(available_isas().back(), "portable");
}

TEST(CpuBackend, RefusesDouble) {
  CpuBackend backend({});
  Tensor x = backend.empty({4}, DType::kF64), y = backend.empty({4}, DType::kF32);
  EXPECT_THROW(backend.copy(x, y), Error);
  EXPECT_THROW(backend.add({x, x, 1, x}), Error);
}

TEST(CpuBackend, DescribesItself) {
  EXPECT_EQ(CpuBackend({.threads = 2, .isa = "portable"}).description(),
            "cpu (portable, 2 threads)");
  // before the comma: scores kept from one kind of arithmetic are not those of the other
  EXPECT_EQ(CpuBackend({.threads = 1, .isa = "portable", .exact = true}).description(),
            "cpu (portable exact, 1 thread)");
}

TEST(CpuMemory, IsReusedAlignedAndBounded) {
  auto cache = std::make_shared<BlockCache>();
  std::byte* first;
  {
    auto a = cache->take(100000), b = cache->take(5);
    first = a.get();
    EXPECT_EQ(uintptr_t(a.get()) % 64, 0u);
    EXPECT_EQ(uintptr_t(b.get()) % 64, 0u);
  }
  int64_t held = cache->held_bytes();
  EXPECT_EQ(cache->take(99000).get(), first);
  auto other = cache->take(30000);  // another size: what is kept makes room
  EXPECT_LE(cache->held_bytes(), held);
}

TEST(CpuMemory, OutlivesTheBackend) {
  Tensor t;
  {
    CpuBackend backend({});
    t = backend.empty({1000}, DType::kF32);
    EXPECT_EQ(t.storage()->bytes, 4000);
  }
  t.data<float>()[999] = 1;
}

TEST(CpuMemory, RefusesAbsurdSizes) {
  EXPECT_THROW(std::make_shared<BlockCache>()->take(int64_t{1} << 60), Error);
}

}  // namespace
}  // namespace slm::cpu
