#include "comm/comm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "comm/exercise_test.h"
#include "comm/flight_recorder.h"
#include "comm/launch.h"
#include "comm/local.h"
#include "comm/tree_order.h"
#include "support/refusal.h"
#include "util/error.h"

namespace slm {
namespace {

using testing::refusal;

class Ranks : public ::testing::TestWithParam<int> {};

TEST_P(Ranks, DoTheSameCollectives) {
  run_local_ranks(GetParam(), [](Comm& comm) { EXPECT_EQ(testing::exercise(comm), ""); });
}

INSTANTIATE_TEST_SUITE_P(Local, Ranks, ::testing::Values(1, 2, 3, 4, 5, 8));

TEST(Comm, OneProcessNeedsNothing) {
  if (launched_with_others()) GTEST_SKIP() << "started by mpirun";
  auto comm = make_comm();
  EXPECT_EQ(comm->size(), 1);
  EXPECT_EQ(testing::exercise(*comm), "");
}

// The same terms, each rank holding an equal contiguous part of them, in the fixed order.
TEST(Comm, SumsDoNotDependOnTheNumberOfRanks) {
  constexpr int kTerms = 24, kHalvings = 3;
  auto term = [](int64_t i) { return float(std::sin(double(i) + 1)) * 1e3f; };
  auto sum_with = [&](int ranks) {
    float total = 0;
    run_local_ranks(ranks, [&](Comm& comm) {
      int64_t mine = kTerms / ranks;
      std::vector<float> slots(kHalvings + 1);
      tree_sum(
          comm.rank() * mine, mine, kHalvings - tree_depth(ranks, kHalvings),
          [&](int64_t i, int slot, bool add) {
            slots[size_t(slot)] = (add ? slots[size_t(slot)] : 0) + term(i);
          },
          [&](int slot, int other) { slots[size_t(slot)] += slots[size_t(other)]; });
      comm.all_reduce(std::span(slots).first(1));
      if (comm.first()) total = slots[0];
    });
    return total;
  };
  float one = sum_with(1);
  double exact = 0;
  for (int i = 0; i < kTerms; ++i) exact += double(term(i));
  EXPECT_NEAR(one, exact, kTerms * 0x1p-24 * kTerms * 1e3);
  EXPECT_EQ(one, sum_with(2));
  EXPECT_EQ(one, sum_with(4));
  EXPECT_EQ(one, sum_with(8));
}

TEST(Comm, AnErrorOfOneRankStopsAll) {
  std::string text = refusal([] {
    run_local_ranks(3, [](Comm& comm) {
      if (comm.rank() == 1) fail(ErrorKind::kInvalid, "rank 1 found something");
      comm.barrier();
      comm.barrier();
    });
  });
  EXPECT_EQ(text, "rank 1 found something");
}

TEST(Comm, WrongCutsAreRefused) {
  std::string text = refusal([] {
    run_local_ranks(2, [](Comm& comm) {
      std::vector<float> data(4);
      comm.reduce_scatter(data, std::vector<int64_t>{0, 5, 4});
    });
  });
  EXPECT_NE(text.find("[reduce-scatter]"), std::string::npos) << text;
}

TEST(FlightRecorder, KeepsTheLastOnes) {
  FlightRecorder recorder(3);
  recorder.set_step(7);
  for (int i = 0; i < 1200; ++i) FlightRecorder::Entry entry(recorder, "barrier", 0, 0);
  FlightRecorder::Entry open(recorder, "all-gather", 2048, 1);
  EXPECT_EQ(recorder.started(), 1201);
  std::string text = recorder.last(2);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
  EXPECT_NE(text.find("rank 3 | #1199 barrier"), std::string::npos) << text;
  EXPECT_NE(text.find("#1200 all-gather | 2.00 KiB | channel 1 | step 7 | waiting"),
            std::string::npos)
      << text;
}

}  // namespace
}  // namespace slm
