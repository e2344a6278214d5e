#include "backend/cpu/packed_weights.h"

#include <algorithm>
#include <utility>

#include "util/mapped_file.h"
#include "util/memory.h"

namespace slm::cpu {
namespace {

constexpr int64_t kBlock = int64_t{64} << 20;
constexpr int64_t kLine = 64;
constexpr int64_t kSpared = int64_t{256} << 20;  // of the system's memory

}  // namespace

PackedWeights::Key PackedWeights::key_of(const Tensor& w) {
  return {w.storage(), w.byte_offset(), w.dtype(), w.dim(0), w.dim(1)};
}

const std::byte* PackedWeights::find(const Tensor& w) const {
  if (!w.storage()->file) return nullptr;
  auto found = matrices_.find(key_of(w));
  bool there = found != matrices_.end() && !found->second.storage.expired();
  return there ? found->second.panels.get() : nullptr;
}

std::shared_ptr<std::byte> PackedWeights::room_for(const Tensor& w, int64_t bytes) {
  if (!w.storage()->file || full_) return nullptr;
  Matrix& matrix = matrices_[key_of(w)];
  if (matrix.storage.expired()) {
    matrix = {w.shared_storage(), nullptr};
    return nullptr;
  }
  full_ = available_memory() < bytes + kSpared;
  return full_ ? nullptr : take(bytes);
}

std::shared_ptr<std::byte> PackedWeights::take(int64_t bytes) {
  if (bytes > size_ - used_) {
    size_ = std::max(bytes, kBlock);
    used_ = 0;
    block_ = memory_->take(size_);
  }
  std::byte* at = block_.get() + used_;
  used_ += std::min((bytes + kLine - 1) / kLine * kLine, size_ - used_);
  return {block_, at};
}

void PackedWeights::keep(const Tensor& w, std::shared_ptr<std::byte> panels) {
  std::erase_if(matrices_, [](const auto& m) { return m.second.storage.expired(); });
  matrices_[key_of(w)] = {w.shared_storage(), std::move(panels)};
  w.storage()->file->release_pages({w.bytes_data(), size_t(w.bytes())});
}

}  // namespace slm::cpu
