// Sends gradients to the processes that own them, bucket by bucket, while the backward pass goes
// on: it runs from the last layer to the first, so that they are complete from the end of the flat
// buffer to its beginning. A thread of its own communicates, so that the messages progress while
// this one computes.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "comm/comm.h"
#include "core/parameters.h"

namespace slm {

class GradientExchange {
 public:
  // `cuts`: who owns which numbers. Without `overlap` a bucket is sent when it is complete, by the
  // thread that computes; so it is where gradients lie on a device, which takes calls from one
  // thread at a time.
  GradientExchange(Comm& comm, Allocator& memory, const Parameters& parameters,
                   std::vector<int64_t> cuts, bool overlap, int64_t bucket);
  ~GradientExchange();
  GradientExchange(const GradientExchange&) = delete;
  GradientExchange& operator=(const GradientExchange&) = delete;

  // Begins a step. `ready(span)` is called before the gradients of a span are sent, to finish them.
  void begin(std::function<void(FlatSpan)> ready);
  // For Context::on_gradients.
  const std::function<void(int64_t layer)>& on_gradients() const { return on_gradients_; }
  // Sends what is left; returns when all gradients this process owns are sums over all processes.
  void finish();

 private:
  void complete_down_to(int64_t begin);  // the numbers from `begin` on are complete
  void send(FlatSpan span);
  void work();

  std::unique_ptr<Comm> comm_;  // a group of its own, for the thread
  Allocator& memory_;
  const Parameters& parameters_;
  std::vector<int64_t> cuts_;
  std::vector<int64_t> layer_begins_;  // in the flat buffer
  bool overlap_;
  int64_t bucket_;
  std::function<void(FlatSpan)> ready_;
  std::function<void(int64_t)> on_gradients_;
  int64_t complete_ = 0, handed_over_ = 0;  // gradients from here on

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<FlatSpan> queue_;
  bool busy_ = false, stop_ = false;
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace slm
