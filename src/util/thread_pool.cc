#include "util/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "util/cores.h"
#include "util/spin_wait.h"

namespace slm {
namespace {

thread_local bool inside_body = false;

constexpr int64_t kPiecesPerThread = 4;
constexpr size_t kLine = 64;  // what threads write to often lies on lines of its own

// A number that one thread changes and others wait for, spinning first, then asleep.
class Signal {
 public:
  template <class Change>
  void change(Change change_it) {
    change_it();
    if (sleepers_.load() == 0) return;
    { std::lock_guard lock(mutex_); }  // who counted as a sleeper by now waits, or sees the change
    wake_.notify_all();
  }

  template <class Ready>
  void wait(SpinWait& spin, Ready ready) {
    if (spin.until(ready)) return;
    std::unique_lock lock(mutex_);
    ++sleepers_;
    wake_.wait(lock, ready);
    --sleepers_;
  }

 private:
  std::atomic<int> sleepers_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
};

}  // namespace

// A call sets `job` and then `open`, the number of pieces nobody has taken. Whoever lowers `open`
// has taken a piece: the call cannot return before that is done, so `job` stays as it is till then.
// Changes of `open`, `calls` and `unfinished` are sequentially consistent: a waker that sees no
// sleeper is seen by who goes to sleep next.
struct ThreadPool::State {
  struct Job {
    const std::function<void(int64_t, int64_t)>* body = nullptr;
    int64_t count = 0, pieces = 0;
  };

  std::vector<std::thread> workers;
  std::chrono::nanoseconds patience = spin_time();
  SpinWait caller_spin{patience};
  std::mutex caller;  // held by the one thread that runs work
  std::mutex error_mutex;
  std::exception_ptr error;
  std::atomic<bool> stop{false};  // set before the last change of `calls`

  alignas(kLine) Job job;
  alignas(kLine) std::atomic<int64_t> open{0};
  alignas(kLine) std::atomic<uint64_t> calls{0};
  alignas(kLine) std::atomic<int64_t> unfinished{0};
  alignas(kLine) Signal work;
  alignas(kLine) Signal done;

  // The number of a piece, or -1.
  int64_t take() {
    int64_t left = open.load();
    while (left > 0)
      if (open.compare_exchange_weak(left, left - 1)) return job.pieces - left;
    return -1;
  }

  void run_piece(int64_t index) {
    int64_t each = job.count / job.pieces, longer = job.count % job.pieces;
    int64_t begin = index * each + std::min(index, longer);
    inside_body = true;
    try {
      (*job.body)(begin, begin + each + (index < longer ? 1 : 0));
    } catch (...) {
      std::lock_guard lock(error_mutex);
      if (!error) error = std::current_exception();
    }
    inside_body = false;
  }

  void run_pieces() {
    for (int64_t piece = take(); piece >= 0; piece = take()) {
      run_piece(piece);
      if (--unfinished == 0) done.change([] {});
    }
  }

  void worker() {
    SpinWait spin(patience);
    for (uint64_t seen = 0; !stop; seen = calls) {
      run_pieces();
      work.wait(spin, [&] { return calls.load() != seen; });
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  if (threads <= 0) threads = allowed_cores();
  for (int i = 1; i < threads; ++i) state_->workers.emplace_back([this] { state_->worker(); });
}

ThreadPool::~ThreadPool() {
  state_->work.change([this] {
    state_->stop = true;
    ++state_->calls;
  });
  for (std::thread& t : state_->workers) t.join();
}

int ThreadPool::size() const { return int(state_->workers.size()) + 1; }

void ThreadPool::run(int64_t count, int64_t grain,
                     const std::function<void(int64_t, int64_t)>& body) {
  if (count <= 0) return;
  int64_t most = size() == 1 ? 1 : kPiecesPerThread * size();
  int64_t pieces = std::clamp<int64_t>(count / std::max<int64_t>(1, grain), 1, most);
  if (pieces == 1 || inside_body) return body(0, count);

  State& s = *state_;
  std::lock_guard one_caller(s.caller);
  s.job = {&body, count, pieces};
  s.error = nullptr;
  s.unfinished = pieces;
  s.open = pieces;
  s.work.change([&] { ++s.calls; });
  s.run_pieces();
  s.done.wait(s.caller_spin, [&] { return s.unfinished.load() == 0; });
  if (s.error) std::rethrow_exception(s.error);
}

}  // namespace slm
