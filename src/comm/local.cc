#include "comm/local.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>

#include "comm/flight_recorder.h"
#include "util/error.h"

namespace slm {
namespace {

// What the threads share: copies of the messages that are under way.
class Mailbox {
 public:
  void post(int from, int to, int channel, std::span<const std::byte> bytes) {
    std::lock_guard lock(mutex_);
    boxes_[{from, to, channel}].emplace_back(bytes.begin(), bytes.end());
    arrived_.notify_all();
  }

  void take(int from, int to, int channel, std::span<std::byte> into) {
    std::unique_lock lock(mutex_);
    auto& box = boxes_[{from, to, channel}];
    arrived_.wait(lock, [&] { return closed_ || !box.empty(); });
    if (closed_) fail(ErrorKind::kIo, "[local ranks] another rank is gone");
    check(box.front().size() == into.size(), "[local ranks] rank {} sent {} bytes, expected {}",
          from, box.front().size(), into.size());
    std::copy(box.front().begin(), box.front().end(), into.begin());
    box.pop_front();
  }

  void close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    arrived_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::map<std::tuple<int, int, int>, std::deque<std::vector<std::byte>>> boxes_;
  bool closed_ = false;
};

class LocalTransport : public Transport {
 public:
  LocalTransport(Mailbox& mailbox, int rank, int size)
      : mailbox_(mailbox), rank_(rank), size_(size), recorder_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void exchange(int channel, std::span<const Outgoing> sends,
                std::span<const Incoming> receives) override {
    for (const Outgoing& s : sends) mailbox_.post(rank_, s.to, channel, s.bytes);
    for (const Incoming& r : receives) mailbox_.take(r.from, rank_, channel, r.bytes);
  }

  int open_channel() override { return channels_++; }
  void interrupt() override { mailbox_.close(); }
  void abort(int exit_code) override {
    mailbox_.close();
    fail(ErrorKind::kIo, "[local ranks] rank {} ended the job with code {}", rank_, exit_code);
  }
  FlightRecorder& recorder() override { return recorder_; }

 private:
  Mailbox& mailbox_;
  int rank_, size_, channels_ = 0;
  FlightRecorder recorder_;
};

}  // namespace

void run_local_ranks(int ranks, const std::function<void(Comm&)>& body) {
  Mailbox mailbox;
  std::mutex mutex;
  std::exception_ptr first;
  auto run = [&](int rank) {
    try {
      Comm comm(std::make_shared<LocalTransport>(mailbox, rank, ranks));
      body(comm);
    } catch (...) {
      std::lock_guard lock(mutex);
      if (!first) first = std::current_exception();
      mailbox.close();
    }
  };
  std::vector<std::thread> threads;
  for (int r = 0; r < ranks; ++r) threads.emplace_back(run, r);
  for (std::thread& t : threads) t.join();
  if (first) std::rethrow_exception(first);
}

}  // namespace slm
