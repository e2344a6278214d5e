#include "train/gradient_exchange.h"

#include <algorithm>

#include "util/format.h"

namespace slm {
namespace {

// Where blocks.0, blocks.1, … begin. Parameters lie in layer order.
std::vector<int64_t> layer_begins(const Parameters& parameters) {
  std::vector<int64_t> begins;
  int64_t at = 0;
  for (const Parameter& p : parameters.items()) {
    if (p.spec.name.starts_with(format("blocks.{}.", begins.size()))) begins.push_back(at);
    at += p.value.elements();
  }
  return begins;
}

}  // namespace

GradientExchange::GradientExchange(Comm& comm, Allocator& memory, const Parameters& parameters,
                                   std::vector<int64_t> cuts, bool overlap, int64_t bucket)
    : comm_(comm.split(0)),
      memory_(memory),
      parameters_(parameters),
      cuts_(std::move(cuts)),
      layer_begins_(layer_begins(parameters)),
      overlap_(overlap && comm.size() > 1 && memory.device() == Device::kHost),
      bucket_(std::max<int64_t>(1, bucket)),
      on_gradients_([this](int64_t layer) { complete_down_to(layer_begins_.at(size_t(layer))); }) {
  if (overlap_) thread_ = std::thread([this] { work(); });
}

GradientExchange::~GradientExchange() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    if (busy_) comm_->interrupt();  // an error ended the step; the others may never come
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void GradientExchange::begin(std::function<void(FlatSpan)> ready) {
  ready_ = std::move(ready);
  complete_ = handed_over_ = parameters_.count();
}

void GradientExchange::complete_down_to(int64_t begin) {
  if (begin < complete_) ready_({begin, complete_});
  complete_ = std::min(complete_, begin);
  bool small = handed_over_ - complete_ < bucket_ && complete_ > 0;
  if (small || complete_ == handed_over_) return;
  FlatSpan span{complete_, handed_over_};
  handed_over_ = complete_;
  if (!overlap_) return send(span);
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(span);
  }
  changed_.notify_all();
}

void GradientExchange::finish() {
  complete_down_to(0);
  if (!overlap_) return;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return (queue_.empty() && !busy_) || error_; });
  if (error_) std::rethrow_exception(error_);
}

void GradientExchange::send(FlatSpan span) {
  std::vector<int64_t> cuts;
  for (int64_t cut : cuts_) cuts.push_back(std::clamp(cut, span.begin, span.end) - span.begin);
  change_on_host(memory_, parameters_.grads().slice(span.begin, span.end),
                 [&](const Tensor& grads) { comm_->reduce_scatter(grads.span<float>(), cuts); });
}

void GradientExchange::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return !queue_.empty() || stop_; });
    if (stop_) return;
    FlatSpan span = queue_.front();
    queue_.pop_front();
    busy_ = true;
    lock.unlock();
    std::exception_ptr error;
    try {
      send(span);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    busy_ = false;
    if (error) error_ = error;
    changed_.notify_all();
  }
}

}  // namespace slm
