#include "backend/cpu/cpu_backend.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

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

// bf16 weights: the other operand is rounded to bf16 first where that is faster, and not in an
// exact backend. Small whole numbers over 256 are bf16 numbers or lie between two; every sum of
// their products is exact in f32, so results must be those of the one or the other to the bit.
TEST(CpuBackend, RoundsActivationsForBf16WeightsUnlessExact) {
  constexpr int64_t kColumns = 19, kTerms = 70;
  for (std::string_view isa : available_isas())
    for (bool exact : {false, true})
      for (int64_t rows : {1, 3, 8, 30}) {
        CpuBackend backend({.threads = 2, .isa = std::string(isa), .exact = exact});
        Tensor x = backend.empty({rows, kTerms}, DType::kF32);
        Tensor w = backend.empty({kColumns, kTerms}, DType::kF32);
        for (int64_t i = 0; i < x.elements(); ++i) x.data<float>()[i] = float(257 + i % 41) / 256;
        for (int64_t i = 0; i < w.elements(); ++i) w.data<float>()[i] = float(i % 7 - 3);
        bool rounds = !exact && choose_kernels(isa).has_pairs;
        Tensor read = rounds ? to_dtype(to_dtype(x, DType::kBF16), DType::kF32) : x;
        Tensor expected = backend.empty({rows, kColumns}, DType::kF32);
        Tensor found = backend.empty({rows, kColumns}, DType::kF32);
        make_reference_backend()->gemm({.a = read, .b = w, .c = expected, .transpose_b = true});
        backend.gemm({.a = x, .b = to_dtype(w, DType::kBF16), .c = found, .transpose_b = true});
        EXPECT_TRUE(std::ranges::equal(expected.span<float>(), found.span<float>()))
            << isa << " exact " << exact << " rows " << rows;
      }
}

}  // namespace
}  // namespace slm::cpu
