#include "support/cuda_on_host/block.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "support/cuda_on_host/fiber.h"
#include "util/error.h"

constinit thread_local uint3 threadIdx{}, blockIdx{};
constinit thread_local dim3 blockDim{}, gridDim{};

namespace slm::cuda_on_host {
namespace {

constexpr unsigned kWarp = 32;

struct Copy {
  void* to;
  const void* from;
  size_t bytes;
};

struct Thread {
  uint3 index;
  Fiber* fiber = nullptr;
  std::deque<std::vector<Copy>> copies;  // by group, the last one still open
};

struct Meeting {
  const char* what;
  unsigned mask, arrived = 0;
  const void* brought[kWarp] = {};
  void* taken[kWarp] = {};
};

// Fibers whose body waits for a thread to run; they outlive the blocks.
struct FiberPool {
  std::vector<std::unique_ptr<Fiber>> all;
  std::vector<Fiber*> idle;
};
thread_local FiberPool pool;

class Block {
 public:
  Block(dim3 size, size_t shared_bytes, bool backwards, const std::function<void()>& kernel)
      : kernel_(kernel),
        backwards_(backwards),
        threads_(size_t(size.x) * size.y * size.z),
        meetings_((threads_.size() + kWarp - 1) / kWarp),
        shared_(new std::byte[shared_bytes]) {
    std::memset(shared_.get(), 0xff, shared_bytes);
    for (unsigned i = 0; i < threads_.size(); ++i)
      threads_[i].index = {i % size.x, i / size.x % size.y, i / size.x / size.y};
  }

  void run();
  void run_threads(Fiber& fiber);
  bool sync(bool vote);  // did any thread vote for it?
  void meet(const char* what, unsigned mask, const void* brought, void* taken, Combine combine);

  Thread& current() { return threads_[current_]; }
  unsigned current_lane() const { return current_ % kWarp; }
  std::byte* shared() { return shared_.get(); }

 private:
  Fiber& idle_fiber();
  void become(unsigned thread);
  void wait(unsigned thread);
  [[noreturn]] void report_stuck() const;

  const std::function<void()>& kernel_;
  const bool backwards_;
  std::vector<Thread> threads_;
  std::vector<std::deque<Meeting>> meetings_;  // of each warp, those not complete
  std::unique_ptr<std::byte[]> shared_;
  std::deque<unsigned> ready_;
  std::vector<unsigned> at_barrier_;
  unsigned started_ = 0, done_ = 0, current_ = 0;
  bool any_vote_ = false, vote_ = false;
  std::exception_ptr error_;
};
thread_local Block* running = nullptr;

void Block::become(unsigned thread) {
  current_ = thread;
  threadIdx = threads_[thread].index;
}

Fiber& Block::idle_fiber() {
  if (pool.idle.empty()) {
    pool.all.push_back(std::make_unique<Fiber>([](Fiber& self) {
      for (;;) {
        running->run_threads(self);
        pool.idle.push_back(&self);
        self.leave();
      }
    }));
    pool.idle.push_back(pool.all.back().get());
  }
  Fiber* fiber = pool.idle.back();
  pool.idle.pop_back();
  return *fiber;
}

void Block::run() {
  while (done_ < threads_.size() && !error_) {
    if (!ready_.empty()) {
      unsigned next = backwards_ ? ready_.back() : ready_.front();
      backwards_ ? ready_.pop_back() : ready_.pop_front();
      become(next);
      current().fiber->enter();
    } else if (started_ < threads_.size()) {
      idle_fiber().enter();
    } else {
      report_stuck();
    }
  }
  if (error_) std::rethrow_exception(error_);
}

// On a fiber: threads that nobody has begun, one after another; most kernels never wait.
void Block::run_threads(Fiber& fiber) {
  while (started_ < threads_.size() && ready_.empty() && !error_) {
    auto last = unsigned(threads_.size()) - 1;
    unsigned next = backwards_ ? last - started_ : started_;
    ++started_;
    become(next);
    current().fiber = &fiber;
    try {
      kernel_();
    } catch (...) {
      error_ = std::current_exception();
    }
    ++done_;
  }
}

void Block::wait(unsigned thread) { threads_[thread].fiber->leave(); }

void Block::report_stuck() const {
  std::string waiting;
  for (const auto& of_warp : meetings_)
    for (const Meeting& m : of_warp)
      waiting += slm::format(" lanes {:#x} of {:#x} are in {};", m.arrived, m.mask, m.what);
  fail(ErrorKind::kInvalid,
       "block {},{},{} does not go on: of its {} threads {} have returned, {} wait in "
       "__syncthreads;{}",
       blockIdx.x, blockIdx.y, blockIdx.z, threads_.size(), done_, at_barrier_.size(), waiting);
}

bool Block::sync(bool vote) {
  any_vote_ |= vote;
  at_barrier_.push_back(current_);
  if (at_barrier_.size() < threads_.size()) {
    wait(current_);
    return vote_;
  }
  for (unsigned t : at_barrier_)
    if (t != current_) ready_.push_back(t);
  at_barrier_.clear();
  return vote_ = std::exchange(any_vote_, false);
}

void Block::meet(const char* what, unsigned mask, const void* brought, void* taken,
                 Combine combine) {
  unsigned warp = current_ / kWarp, self = current_ % kWarp, bit = 1u << self;
  check(mask & bit, "{}: lane {} is not in its mask {:#x}", what, self, mask);
  auto& open = meetings_[warp];
  auto m = std::find_if(open.begin(), open.end(), [&](const Meeting& other) {
    return other.mask & bit && !(other.arrived & bit);
  });
  if (m == open.end()) m = open.insert(open.end(), Meeting{what, mask});
  check(m->mask == mask && (m->what == what || std::strcmp(m->what, what) == 0),
        "lane {} is in {} of lanes {:#x}, others of them are in {} of lanes {:#x}", self, what,
        mask, m->what, m->mask);
  m->arrived |= bit;
  m->brought[self] = brought;
  m->taken[self] = taken;
  if (m->arrived != mask) return wait(current_);
  combine(m->brought, m->taken);
  for (unsigned l = 0; l < kWarp; ++l)
    if (mask >> l & 1 && l != self) ready_.push_back(warp * kWarp + l);
  open.erase(m);
}

// Blocks of one launch leave the grid's variables as they are.
void run_block(dim3 block, size_t shared_bytes, const std::function<void()>& kernel) {
  static thread_local bool backwards = false;
  backwards = !backwards;
  Block b(block, shared_bytes, backwards, kernel);
  running = &b;
  try {
    b.run();
  } catch (...) {
    pool = {};  // fibers in the middle of a kernel are of no use any more
    running = nullptr;
    throw;
  }
  running = nullptr;
}

}  // namespace

// One launch at a time: static shared memory is there once.
void run(dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()>& kernel) {
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  gridDim = grid;
  blockDim = block;
  for (unsigned z = 0; z < grid.z; ++z)
    for (unsigned y = 0; y < grid.y; ++y)
      for (unsigned x = 0; x < grid.x; ++x) {
        blockIdx = {x, y, z};
        run_block(block, shared_bytes, kernel);
      }
}

std::byte* shared_memory() { return running->shared(); }

void meet(const char* what, unsigned mask, const void* brought, void* taken, Combine combine) {
  running->meet(what, mask, brought, taken, combine);
}

int lane() { return int(running->current_lane()); }

void copy_later(void* to, const void* from, size_t bytes) {
  auto& groups = running->current().copies;
  if (groups.empty()) groups.emplace_back();
  groups.back().push_back({to, from, bytes});
}

void close_copy_group() {
  auto& groups = running->current().copies;
  if (groups.empty()) groups.emplace_back();
  groups.emplace_back();
}

void wait_for_copies(size_t groups_left) {
  auto& groups = running->current().copies;
  while (groups.size() > groups_left + 1) {
    for (const Copy& c : groups.front())
      c.from ? std::memcpy(c.to, c.from, c.bytes) : std::memset(c.to, 0, c.bytes);
    groups.pop_front();
  }
}

}  // namespace slm::cuda_on_host

void __syncthreads() { slm::cuda_on_host::running->sync(false); }
int __syncthreads_or(int vote) { return slm::cuda_on_host::running->sync(vote != 0); }
