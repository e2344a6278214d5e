// How bytes get from one process of a job to another. All collectives of Comm are made of this one
// call, so that every transport adds up in the same order and gives the same bits.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace slm {

class FlightRecorder;

struct Outgoing {
  int to;
  std::span<const std::byte> bytes;
};
struct Incoming {
  int from;
  std::span<std::byte> bytes;
};

// Each process has one. Calls on different channels may come from different threads at the same
// time, calls on one channel from one thread after the other.
class Transport {
 public:
  virtual ~Transport() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;

  // Starts everything and returns when all of it has arrived and left. Messages between two
  // processes on one channel arrive in the order in which they were sent; the receiver knows their
  // sizes. Error when a peer is gone or stays away too long.
  virtual void exchange(int channel, std::span<const Outgoing> sends,
                        std::span<const Incoming> receives) = 0;

  // A channel nobody uses yet. Every process must ask for the same ones in the same order.
  virtual int open_channel() = 0;

  // This process cannot go on: exchanges that wait, and later ones, fail. Any thread may call.
  virtual void interrupt() = 0;

  // Ends the job, all processes of it.
  [[noreturn]] virtual void abort(int exit_code) = 0;

  virtual FlightRecorder& recorder() = 0;
};

}  // namespace slm
