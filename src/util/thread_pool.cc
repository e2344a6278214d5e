#include "util/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace slm {
namespace {

thread_local bool inside_body = false;

// Work arrives every few microseconds inside a forward pass and then not for seconds: spin for
// about that long, then sleep. Yielding in the spin keeps an oversubscribed machine usable.
constexpr int kSpins = 2000;

}  // namespace

int allowed_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set)
                                                       : int(std::thread::hardware_concurrency());
  return std::max(1, n);
}

struct ThreadPool::State {
  std::vector<std::thread> workers;
  std::mutex caller;  // held by the one thread that runs work
  std::mutex mutex;
  std::condition_variable wake;
  std::atomic<uint64_t> epoch{0};
  std::atomic<int> pending{0};
  std::atomic<bool> stop{false};

  const std::function<void(int64_t, int64_t)>* body = nullptr;
  int64_t count = 0, piece = 0;
  std::exception_ptr error;

  void run_piece(int index) {
    int64_t begin = std::min(count, piece * index), end = std::min(count, begin + piece);
    if (begin >= end) return;
    inside_body = true;
    try {
      (*body)(begin, end);
    } catch (...) {
      std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
    }
    inside_body = false;
  }

  void worker(int index) {
    uint64_t seen = 0;
    while (true) {
      for (int i = 0; i < kSpins && epoch.load(std::memory_order_acquire) == seen && !stop; ++i) {
        if (i % 64 == 63) std::this_thread::yield();
        __builtin_ia32_pause();
      }
      if (epoch.load(std::memory_order_acquire) == seen && !stop) {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return epoch.load(std::memory_order_acquire) != seen || stop; });
      }
      if (stop) return;
      ++seen;
      run_piece(index);
      pending.fetch_sub(1, std::memory_order_acq_rel);
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  if (threads <= 0) threads = allowed_cores();
  for (int i = 1; i < threads; ++i) state_->workers.emplace_back([this, i] { state_->worker(i); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stop = true;
  }
  state_->wake.notify_all();
  for (std::thread& t : state_->workers) t.join();
}

int ThreadPool::size() const { return int(state_->workers.size()) + 1; }

void ThreadPool::run(int64_t count, int64_t grain,
                     const std::function<void(int64_t, int64_t)>& body) {
  if (count <= 0) return;
  int64_t pieces = std::clamp<int64_t>(count / std::max<int64_t>(1, grain), 1, size());
  if (pieces == 1 || inside_body) return body(0, count);

  State& s = *state_;
  std::lock_guard one_caller(s.caller);
  s.body = &body;
  s.count = count;
  s.piece = (count + pieces - 1) / pieces;
  s.error = nullptr;
  s.pending.store(int(s.workers.size()), std::memory_order_relaxed);
  {
    std::lock_guard lock(s.mutex);
    s.epoch.fetch_add(1, std::memory_order_release);
  }
  s.wake.notify_all();
  s.run_piece(0);
  for (int i = 0; s.pending.load(std::memory_order_acquire) > 0; ++i) {
    if (i % 64 == 63) std::this_thread::yield();
    __builtin_ia32_pause();
  }
  if (s.error) std::rethrow_exception(s.error);
}

}  // namespace slm
