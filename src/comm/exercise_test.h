// Every collective once, on whatever carries it: each rank checks what it got.
#pragma once

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "comm/comm.h"
#include "util/format.h"

namespace slm::testing {

inline std::vector<float> numbers(size_t count, int rank) {
  std::vector<float> x(count);
  for (size_t i = 0; i < count; ++i) x[i] = float(int(i % 1000) * (rank + 1) - 300);
  return x;
}

// Whole numbers: sums are exact, in any order.
inline std::string exercise_sums(Comm& comm, size_t count) {
  int n = comm.size();
  float ranks = float(n * (n + 1) / 2);
  auto want = [&](size_t i) { return float(i % 1000) * ranks - 300 * float(n); };
  std::vector<float> all = numbers(count, comm.rank()), part = all;
  comm.all_reduce(std::span(all));
  for (size_t i = 0; i < count; ++i)
    if (all[i] != want(i)) return format("all_reduce[{}] of {} is {}", i, count, all[i]);
  // pieces of quite different sizes, also empty ones
  std::vector<int64_t> cuts(size_t(n) + 1, int64_t(count));
  cuts[0] = 0;
  if (n > 2) cuts[1] = int64_t(count) / 3, cuts[2] = cuts[1];
  comm.reduce_scatter(std::span(part), cuts);
  for (int64_t i = cuts[size_t(comm.rank())]; i < cuts[size_t(comm.rank()) + 1]; ++i)
    if (part[size_t(i)] != want(size_t(i))) return format("reduce_scatter[{}]", i);
  for (int64_t& c : cuts) c *= int64_t(sizeof(float));
  comm.all_gather(std::as_writable_bytes(std::span(part)), cuts);
  return part == all ? "" : "all_gather";
}

inline std::string exercise_texts(Comm& comm) {
  int root = comm.size() - 1;
  auto texts = comm.gather(std::string(size_t(comm.rank()), 'x'), root);
  if (comm.rank() != root) return texts.empty() ? "" : "gather gave others something";
  for (int r = 0; r < comm.size(); ++r)
    if (texts.at(size_t(r)) != std::string(size_t(r), 'x')) return "gather";
  return "";
}

// Empty when all is well, else what was not.
inline std::string exercise(Comm& comm) {
  for (size_t count : {size_t{1}, size_t{100}, size_t{70001}})
    if (auto wrong = exercise_sums(comm, count); !wrong.empty()) return wrong;
  comm.barrier();
  if (comm.any(false) || !comm.any(comm.rank() == comm.size() - 1)) return "any";
  for (int root = 0; root < comm.size(); ++root) {
    std::vector<int> data(5000, comm.rank() == root ? 42 + root : 0);
    comm.broadcast(std::as_writable_bytes(std::span(data)), root);
    if (data != std::vector<int>(5000, 42 + root)) return format("broadcast from {}", root);
  }
  if (auto wrong = exercise_texts(comm); !wrong.empty()) return wrong;
  // two groups, and a second one of all in a thread of its own
  auto half = comm.split(comm.rank() % 2), again = comm.split(0);
  std::string wrong_there;
  std::thread other([&] { wrong_there = exercise_sums(*again, 20000); });
  std::string wrong_here = exercise_sums(*half, 20000);
  other.join();
  if (half->size() != (comm.size() + 1 - comm.rank() % 2) / 2) return "split";
  return wrong_here + wrong_there;
}

}  // namespace slm::testing
