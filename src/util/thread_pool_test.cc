#include "util/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace slm {
namespace {

TEST(ThreadPool, TilesTheRangeOnce) {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (int64_t n : {0, 1, 7, 1000}) {
      std::vector<int> seen(size_t(n), 0);
      pool.run(n, 1, [&](int64_t b, int64_t e) {
        for (int64_t i = b; i < e; ++i) ++seen[size_t(i)];
      });
      EXPECT_EQ(seen, std::vector<int>(size_t(n), 1));
    }
  }
}

TEST(ThreadPool, RethrowsAndStaysUsable) {
  ThreadPool pool(3);
  EXPECT_THROW(pool.run(3, 1,
                        [](int64_t b, int64_t) {
                          if (b == 2) throw std::runtime_error("x");
                        }),
               std::runtime_error);
  std::atomic<int> sum = 0;
  pool.run(3, 1, [&](int64_t b, int64_t e) { sum += int(e - b); });
  EXPECT_EQ(sum, 3);
}

TEST(ThreadPool, NestedCallsRunInline) {
  ThreadPool pool(2);
  std::atomic<int> sum = 0;
  pool.run(2, 1, [&](int64_t b, int64_t e) {
    for (int64_t i = b; i < e; ++i)
      pool.run(10, 1, [&](int64_t x, int64_t y) { sum += int(y - x); });
  });
  EXPECT_EQ(sum, 20);
}

TEST(ThreadPool, SeveralCallersTakeTurns) {
  ThreadPool pool(2);
  std::atomic<int> sum = 0;
  auto work = [&] {
    for (int i = 0; i < 200; ++i) pool.run(4, 1, [&](int64_t b, int64_t e) { sum += int(e - b); });
  };
  std::thread other(work);
  work();
  other.join();
  EXPECT_EQ(sum, 1600);
}

}  // namespace
}  // namespace slm
