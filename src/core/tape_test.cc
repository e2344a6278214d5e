#include "core/tape.h"

#include <gtest/gtest.h>

#include <cstring>

namespace slm {
namespace {

struct HostMemory : Allocator {
  Tensor empty(const Shape& shape, DType dtype) override {
    Tensor t = Tensor::host(shape, dtype);
    for (float& x : t.span<float>()) x = 1e30f;  // whoever reads before writing shows
    return t;
  }
  void zero(const Tensor& t) override { std::memset(t.bytes_data(), 0, size_t(t.bytes())); }
  void copy(const Tensor& from, const Tensor& to) override {
    std::memcpy(to.bytes_data(), from.bytes_data(), size_t(from.bytes()));
  }
};

void add_to(const GradSlot& slot, float factor, const Tensor& d) {
  for (int64_t i = 0; slot && i < d.elements(); ++i) {
    float& g = slot.grad.data<float>()[i];
    g = (slot.beta == 0 ? 0 : slot.beta * g) + factor * d.data<float>()[i];
  }
}

// y = factor * x, recorded.
Tensor scale(Tape& tape, HostMemory& memory, const Tensor& x, float factor) {
  Tensor y = memory.empty(x.shape(), DType::kF32);
  for (int64_t i = 0; i < x.elements(); ++i) y.data<float>()[i] = factor * x.data<float>()[i];
  if (tape.wants(x))
    tape.record(y, [&tape, x, factor](const Tensor& dy) { add_to(tape.slot(x), factor, dy); });
  return y;
}

TEST(Tape, FirstWriteOverwritesLaterWritesAdd) {
  HostMemory memory;
  Tape tape(memory);
  Tensor w = Tensor::of(std::vector<float>{2}, {1}), grad = Tensor::of(std::vector<float>{0}, {1});
  tape.bind(w, grad);
  Tensor a = scale(tape, memory, w, 3);
  Tensor b = memory.empty({1}, DType::kF32);  // b = 5 a + 7 a: two writes to da
  *b.data<float>() = 12 * *a.data<float>();
  tape.record(b, [&](const Tensor& d) { add_to(tape.slot(a), 5, d), add_to(tape.slot(a), 7, d); });
  tape.backward(b);
  EXPECT_FLOAT_EQ(*grad.data<float>(), 36);
}

TEST(Tape, ParametersAccumulateAcrossTapes) {
  HostMemory memory;
  Tensor w = Tensor::of(std::vector<float>{2}, {1}), grad = Tensor::of(std::vector<float>{0}, {1});
  for (int micro = 0; micro < 2; ++micro) {
    Tape tape(memory);
    tape.bind(w, grad);
    tape.backward(scale(tape, memory, w, 3));
  }
  EXPECT_FLOAT_EQ(*grad.data<float>(), 6);
}

TEST(Tape, FirstWriteThroughAViewZeroesTheRest) {
  HostMemory memory;
  Tape tape(memory);
  Tensor w = Tensor::of(std::vector<float>{1, 2}, {2}),
         grad = Tensor::of(std::vector<float>{0, 0}, {2});
  tape.bind(w, grad);
  Tensor a = scale(tape, memory, w, 3);
  tape.backward(scale(tape, memory, a.rows(1, 2), 2));
  EXPECT_FLOAT_EQ(grad.data<float>()[0], 0);
  EXPECT_FLOAT_EQ(grad.data<float>()[1], 6);
}

TEST(Tape, BindingsWithinOneBufferAreApart) {
  HostMemory memory;
  Tape tape(memory);
  Tensor flat = Tensor::of(std::vector<float>{1, 2, 3}, {3}),
         grads = Tensor::of(std::vector<float>{0, 0, 0}, {3});
  tape.bind(flat.slice(2, 3), grads.slice(2, 3));
  EXPECT_TRUE(tape.wants(flat.slice(2, 3)));
  EXPECT_FALSE(tape.wants(flat.slice(0, 1)));
  EXPECT_FALSE(tape.wants(flat));
  EXPECT_FALSE(tape.slot(flat.slice(1, 2)));
}

TEST(Tape, AnOutputWithoutGradientIsSkipped) {
  HostMemory memory;
  Tape tape(memory);
  Tensor w = Tensor::of(std::vector<float>{1}, {1}), grad = Tensor::of(std::vector<float>{0}, {1});
  tape.bind(w, grad);
  Tensor used = scale(tape, memory, w, 2);
  Tensor unused = memory.empty({1}, DType::kF32);
  tape.record(unused, [](const Tensor&) { FAIL() << "no gradient reaches this"; });
  tape.backward(used);
  EXPECT_FLOAT_EQ(*grad.data<float>(), 2);
}

}  // namespace
}  // namespace slm
