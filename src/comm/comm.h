// The processes of one job and what they compute together. A program that was started by itself is
// a job of one process: every call is then a formality, and no caller asks.
//
// Sums are taken in a fixed binary tree over the ranks (tree_order.h): the same numbers give the
// same bits, whatever carries them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "comm/transport.h"

namespace slm {

// One thread at a time. Every process of the group must make the same calls in the same order, with
// equal sizes. Error, in any call, when a peer is gone.
class Comm {
 public:
  // All processes of the transport.
  explicit Comm(std::shared_ptr<Transport> transport);

  int rank() const { return rank_; }
  int size() const { return int(members_.size()); }
  bool first() const { return rank_ == 0; }  // the one that talks and writes files

  void barrier();  // returns when everybody has called it
  void broadcast(std::span<std::byte> data, int root);

  // Sums over the ranks, for all.
  void all_reduce(std::span<float> data);
  void all_reduce(std::span<double> data);
  // Is it so anywhere?
  bool any(bool here);

  // Rank r gets the sum of elements [cuts[r], cuts[r + 1]), in place; the other elements are lost.
  void reduce_scatter(std::span<float> data, std::span<const int64_t> cuts);
  // Rank r gives bytes [cuts[r], cuts[r + 1]); afterwards all have all.
  void all_gather(std::span<std::byte> data, std::span<const int64_t> cuts);
  void all_gather(std::span<double> data, std::span<const int64_t> cuts);

  // The texts of all ranks at `root`; elsewhere nothing.
  std::vector<std::string> gather(const std::string& text, int root);

  // One message. The receiver knows the size.
  void send(std::span<const std::byte> data, int to);
  void receive(std::span<std::byte> data, int from);

  // The group of those with equal `color`, in the order of their ranks. The same colour for all
  // makes a second group of everybody, for another thread.
  std::unique_ptr<Comm> split(int color);

  // This process cannot go on: calls of all its groups that wait, and later ones, fail.
  void interrupt() { transport_->interrupt(); }
  // Ends the job, all processes of it.
  [[noreturn]] void abort(int exit_code);

  FlightRecorder& recorder() const { return transport_->recorder(); }

 private:
  Comm(std::shared_ptr<Transport> transport, std::vector<int> members, int rank, int channel);

  void exchange(std::span<Outgoing> sends, std::span<Incoming> receives);
  template <class T>
  void sum_everywhere(std::span<T> data);

  std::shared_ptr<Transport> transport_;
  std::vector<int> members_;  // ranks of the transport
  int rank_, channel_;
};

// Cuts of [0, count) into `parts` pieces that differ by one element at most.
std::vector<int64_t> even_cuts(int64_t count, int parts);

// This process by itself.
std::unique_ptr<Comm> one_process();
// All processes that mpirun or srun started together; when neither did, this one. Once per process.
std::unique_ptr<Comm> make_comm();

}  // namespace slm
