// Freed blocks of memory, kept for the next tensor of about that size: a training step allocates
// and frees the same sizes again and again, and fresh pages cost a fault each.
//
// Blocks in use and blocks kept together never exceed the most that was in use at once.
// Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace slm::cpu {

class BlockCache : public std::enable_shared_from_this<BlockCache> {
 public:
  // `reserve`: blocks are only address space until they are touched, and of no more than their
  // size.
  explicit BlockCache(bool reserve = false) : reserve_(reserve) {}
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  // At least `bytes` bytes at a multiple of 64; comes back here when the last owner lets go. Error
  // when the system has no more.
  std::shared_ptr<std::byte> take(int64_t bytes);

  int64_t held_bytes() const;  // from the system: in use and kept
  int64_t most_bytes() const;  // that were in use at once

 private:
  std::byte* reuse(int64_t size);
  void give_back(std::byte* block, int64_t size);
  void release_until(int64_t held);

  const bool reserve_;
  mutable std::mutex mutex_;
  std::map<int64_t, std::vector<std::byte*>> kept_;  // by size
  int64_t kept_bytes_ = 0, used_bytes_ = 0, most_used_ = 0;
};

}  // namespace slm::cpu
