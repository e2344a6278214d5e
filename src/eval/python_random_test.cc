#include "eval/python_random.h"

#include <gtest/gtest.h>

#include <numeric>

#include "support/refusal.h"

namespace slm {
namespace {

using Ints = std::vector<int64_t>;

Ints counted(int64_t n) {
  Ints out(static_cast<size_t>(n));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

// All values from CPython 3.11.
TEST(PythonRandom, Words) {
  PythonRandom random(42);
  for (uint32_t expected : {2746317213u, 478163327u, 107420369u, 3184935163u, 1181241943u})
    EXPECT_EQ(random.next(), expected);
}

TEST(PythonRandom, Fractions) {
  PythonRandom random(42);
  for (double expected : {0.6394267984578837, 0.025010755222666936, 0.27502931836911926})
    EXPECT_EQ(random.random(), expected);
}

TEST(PythonRandom, ShufflesAndSamplesGoOnFromEachOther) {
  PythonRandom random(42);
  Ints ten = counted(10);
  random.shuffle(ten);
  EXPECT_EQ(ten, (Ints{7, 3, 2, 8, 5, 6, 9, 4, 0, 1}));
  EXPECT_EQ(random.sample(100, 5), (Ints{75, 54, 4, 3, 11}));
  EXPECT_EQ(random.sample(20, 6), (Ints{6, 7, 16, 0, 19, 11}));
  Ints many = random.sample(1000, 25);
  many.resize(6);
  EXPECT_EQ(many, (Ints{665, 718, 558, 429, 225, 459}));
}

TEST(PythonRandom, ShufflesMany) {
  PythonRandom random(42);
  Ints many = counted(500);
  random.shuffle(many);
  many.resize(10);
  EXPECT_EQ(many, (Ints{164, 383, 45, 156, 53, 72, 315, 209, 74, 333}));
}

TEST(PythonRandom, Choices) {
  PythonRandom random(0);
  for (int expected : {8, 7, 4, 2, 5, 4, 7, 3, 4, 5})
    EXPECT_EQ(int(random.random() * 10), expected);
}

TEST(PythonRandom, RefusesToDrawMoreThanThereAre) {
  PythonRandom random(0);
  EXPECT_EQ(testing::refusal([&] { random.sample(3, 4); }), "cannot draw 4 of 3");
}

}  // namespace
}  // namespace slm
