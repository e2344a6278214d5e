// Work on a stream by many threads whose results come out in the order of the input.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace slm {

// Until read(in) returns false: out = work(in) on any of `workers` threads, then write(out). Calls
// of read never overlap, nor do those of write, which come in the order of reading; the two may
// overlap each other. At most a few items per worker wait to be written. The error of the earliest
// item is rethrown once all threads have stopped.
template <class In, class Out, class Read, class Work, class Write>
void work_in_order(int workers, Read read, Work work, Write write) {
  constexpr int64_t kAheadPerWorker = 8;
  std::mutex reading, writing;
  std::condition_variable written;
  int64_t next_read = 0, next_write = 0;
  bool ended = false;
  std::map<int64_t, Out> waiting;
  std::map<int64_t, std::exception_ptr> errors;

  auto deposit = [&](int64_t index, Out out) {
    std::unique_lock lock(writing);
    written.wait(lock,
                 [&] { return index < next_write + kAheadPerWorker * workers || !errors.empty(); });
    waiting.emplace(index, std::move(out));
    for (; errors.empty() && !waiting.empty() && waiting.begin()->first == next_write;
         ++next_write) {
      try {
        write(std::move(waiting.begin()->second));
      } catch (...) {  // noted before any other thread may write on
        errors.emplace(next_write, std::current_exception());
      }
      waiting.erase(waiting.begin());
    }
    written.notify_all();
    return errors.empty();
  };
  auto loop = [&] {
    int64_t index = -1;
    try {
      for (bool healthy = true; healthy;) {
        In in;
        {
          std::lock_guard lock(reading);
          index = next_read;
          if (ended || !read(in)) {
            ended = true;
            return;
          }
          ++next_read;
        }
        healthy = deposit(index, work(std::move(in)));
      }
    } catch (...) {
      std::lock_guard lock(writing);
      errors.emplace(index, std::current_exception());
      written.notify_all();
    }
  };
  std::vector<std::thread> threads;
  for (int i = 1; i < workers; ++i) threads.emplace_back(loop);
  loop();
  for (std::thread& t : threads) t.join();
  if (!errors.empty()) std::rethrow_exception(errors.begin()->second);
}

}  // namespace slm
