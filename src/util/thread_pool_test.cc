#include "util/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <vector>

#include "util/error.h"
#include "util/spin_wait.h"

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

// A thread that is at something long does not keep the others from the rest.
TEST(ThreadPool, FreeThreadsTakeWhatIsLeft) {
  ThreadPool pool(2);
  std::atomic<int> others = 0;
  pool.run(8, 1, [&](int64_t begin, int64_t) {
    if (begin > 0)
      ++others;
    else
      while (others < 7) std::this_thread::yield();
  });
  EXPECT_EQ(others, 7);
}

TEST(ThreadPool, ManyShortCallsInARow) {
  ThreadPool pool(4);
  int64_t sum = 0;
  std::vector<int64_t> each(16, 0);
  for (int i = 0; i < 5000; ++i) {
    pool.run(16, 1, [&](int64_t b, int64_t e) {
      for (int64_t j = b; j < e; ++j) ++each[size_t(j)];
    });
    if (i % 500 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));  // they sleep
  }
  for (int64_t n : each) sum += n;
  EXPECT_EQ(sum, 16 * 5000);
}

TEST(ThreadPool, WorksWithoutSpinning) {
  setenv("STABLELM_SPIN_US", "0", 1);
  ThreadPool pool(3);
  std::atomic<int> sum = 0;
  for (int i = 0; i < 300; ++i) pool.run(9, 1, [&](int64_t b, int64_t e) { sum += int(e - b); });
  EXPECT_EQ(sum, 2700);
  for (const char* wrong : {"", "soon", "-1", "5us"}) {
    setenv("STABLELM_SPIN_US", wrong, 1);
    EXPECT_THROW(ThreadPool(2), Error) << wrong;
  }
  unsetenv("STABLELM_SPIN_US");
}

TEST(SpinWait, SeesWhatIsThereAndGivesUpInTime) {
  SpinWait spin{std::chrono::microseconds(200)};
  EXPECT_TRUE(spin.until([] { return true; }));
  EXPECT_FALSE(spin.until([] { return false; }));
  int looks = 0;
  EXPECT_FALSE(SpinWait{std::chrono::nanoseconds(0)}.until([&] { return ++looks > 1; }));
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
