#include "train/checkpoint_writer.h"

#include <chrono>

#include "util/error.h"
#include "util/files.h"

namespace slm {
namespace {

using Clock = std::chrono::steady_clock;

CheckpointWriter::Outcome write_now(
    const CheckpointStore& store, int64_t step,
    const std::function<void(const std::filesystem::path&)>& write) {
  auto begin = Clock::now();
  CheckpointWriter::Outcome outcome{.step = step};
  try {
    store.save(step, write);
  } catch (const std::filesystem::filesystem_error& e) {
    outcome.error = describe(e);
  } catch (const std::bad_alloc&) {
    outcome.error = "out of memory";
  } catch (const std::exception& e) {
    outcome.error = e.what();
  }
  outcome.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return outcome;
}

}  // namespace

CheckpointWriter::~CheckpointWriter() {
  if (running_.valid()) running_.wait();
}

void CheckpointWriter::save(int64_t step, std::function<void(const std::filesystem::path&)> write) {
  check(!running_.valid(), "[checkpoint] the save before this one has not been waited for");
  // What it writes from goes away with the task, not with the thread that ran it.
  auto task = [this, step, write = std::move(write)] { return write_now(store_, step, write); };
  running_ = std::async(background_ ? std::launch::async : std::launch::deferred, std::move(task));
  if (!background_) running_.wait();
}

std::optional<CheckpointWriter::Outcome> CheckpointWriter::poll() {
  bool over =
      running_.valid() && running_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  if (!over) return {};
  return running_.get();
}

std::optional<CheckpointWriter::Outcome> CheckpointWriter::wait() {
  if (!running_.valid()) return {};
  return running_.get();
}

}  // namespace slm
