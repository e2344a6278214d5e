#include "backend/cpu/packed_weights.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "support/op_test.h"
#include "support/scratch_dir.h"
#include "util/files.h"
#include "util/mapped_file.h"

namespace slm::cpu {
namespace {

using testing::random;

constexpr DType kFormats[] = {DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1,
                              DType::kQ8_0, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};

// The same bytes, in a file.
Tensor in_a_file(const Tensor& t) {
  auto path = testing::scratch_root() / "packed_weights";
  write_file_atomically(path, {t.data<const char>(), size_t(t.bytes())});
  return Tensor::mapped(MappedFile::open(path), 0, t.shape(), t.dtype());
}

Tensor product(Backend& backend, const Tensor& x, const Tensor& w) {
  Tensor c = backend.empty({x.dim(0), w.dim(0)}, DType::kF32);
  backend.gemm({.a = x, .b = w, .c = c, .transpose_b = true});
  return c;
}

void expect_same(const Tensor& a, const Tensor& b) {
  ASSERT_EQ(a.bytes(), b.bytes());
  EXPECT_EQ(std::memcmp(a.bytes_data(), b.bytes_data(), size_t(a.bytes())), 0);
}

class PackedProducts : public ::testing::TestWithParam<std::string_view> {};
INSTANTIATE_TEST_SUITE_P(Every, PackedProducts, ::testing::ValuesIn(available_isas()),
                         [](const auto& isa) { return std::string(isa.param); });

// 67 columns: the last panel is not whole.
TEST_P(PackedProducts, AreThoseOfTheWeightsAsTheyLie) {
  CpuBackend one({.threads = 1, .isa = std::string(GetParam())});
  CpuBackend three({.threads = 3, .isa = std::string(GetParam())});
  Tensor x = testing::converted(random({13, 768}, 2), DType::kF32);
  for (DType type : kFormats) {
    SCOPED_TRACE(traits(type).name);
    Tensor w = to_dtype(random({67, 768}, 1), type), mapped = in_a_file(w);
    Tensor expected = product(one, x, w);
    for (int64_t rows : {13, 1, 8, 1, 5, 13}) {  // packed by the third
      Tensor few = x.rows(0, rows);
      expect_same(product(three, few, mapped), expected.rows(0, rows));
    }
    EXPECT_NE(three.packed().find(mapped), nullptr);
    EXPECT_EQ(one.packed().find(w), nullptr);
  }
}

TEST_P(PackedProducts, OfViewsAreNotMixedUp) {
  CpuBackend backend({.threads = 2, .isa = std::string(GetParam())});
  Tensor w = to_dtype(random({96, 256}, 1), DType::kQ4_K), mapped = in_a_file(w);
  Tensor x = testing::converted(random({2, 256}, 2), DType::kF32);
  for (int repeat = 0; repeat < 3; ++repeat)
    for (auto [begin, end] : {std::pair{0, 96}, {0, 50}, {50, 96}, {46, 96}}) {
      Tensor expected = product(backend, x, w.rows(begin, end));
      expect_same(product(backend, x, mapped.rows(begin, end)), expected);
    }
}

TEST(PackedWeights, BeginWithTheSecondProduct) {
  PackedWeights packed(std::make_shared<BlockCache>());
  Tensor w = in_a_file(to_dtype(random({16, 64}, 1), DType::kQ8_0));
  EXPECT_EQ(packed.room_for(w, w.bytes()), nullptr);
  EXPECT_EQ(packed.find(w), nullptr);
  std::shared_ptr<std::byte> room = packed.room_for(w, w.bytes());
  ASSERT_NE(room, nullptr);
  EXPECT_EQ(packed.find(w), nullptr);
  packed.keep(w, room);
  EXPECT_EQ(packed.find(w), room.get());
  EXPECT_EQ(packed.find(w.rows(0, 8)), nullptr);
}

TEST(PackedWeights, AreOfFilesOnly) {
  PackedWeights packed(std::make_shared<BlockCache>());
  Tensor w = to_dtype(random({16, 64}, 1), DType::kQ8_0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(packed.room_for(w, w.bytes()), nullptr);
}

TEST(PackedWeights, GoWithTheirStorage) {
  PackedWeights packed(std::make_shared<BlockCache>());
  Tensor values = to_dtype(random({16, 64}, 1), DType::kQ8_0);
  for (int i = 0; i < 3; ++i) {
    Tensor w = in_a_file(values);  // may lie where the one before lay
    EXPECT_EQ(packed.find(w), nullptr);
    EXPECT_EQ(packed.room_for(w, w.bytes()), nullptr);
    packed.keep(w, packed.room_for(w, w.bytes()));
    EXPECT_NE(packed.find(w), nullptr);
    EXPECT_EQ(packed.kept(), 1);
  }
}

// Each begins at a line of the cache; none lies in another.
TEST(PackedWeights, LieApart) {
  PackedWeights packed(std::make_shared<BlockCache>());
  std::vector<Tensor> weights;
  std::vector<std::shared_ptr<std::byte>> rooms;
  for (int64_t bytes : {int64_t{100}, int64_t{1} << 20, int64_t{70} << 20, int64_t{5}}) {
    weights.push_back(in_a_file(to_dtype(random({16, 64}, 1), DType::kQ8_0)));
    packed.room_for(weights.back(), bytes);
    rooms.push_back(packed.room_for(weights.back(), bytes));
    ASSERT_NE(rooms.back(), nullptr);
    EXPECT_EQ(uintptr_t(rooms.back().get()) % 64, 0u);
    std::memset(rooms.back().get(), int(rooms.size()), size_t(bytes));
  }
  for (size_t i = 0; i < rooms.size(); ++i) EXPECT_EQ(int(*rooms[i]), int(i + 1));
}

}  // namespace
}  // namespace slm::cpu
