#include "backend/cpu/block_cache.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "util/error.h"

namespace slm::cpu {
namespace {

constexpr int64_t kLine = 64;
constexpr int64_t kHugePage = int64_t{2} << 20;

// Sizes come in steps of an eighth of their power of two, so that a block fits its neighbours too.
int64_t block_size(int64_t bytes) {
  int64_t n = std::max(bytes, 8 * kLine);
  int64_t step = std::max(kLine, int64_t(std::bit_floor(uint64_t(n))) / 8);
  return (n + step - 1) / step * step;
}

// Large blocks are mapped one by one, so that they go back to the system when they are let go: what
// malloc keeps of blocks of all sizes was a fifth of the memory of a training step.
constexpr int64_t kMapped = int64_t{1} << 20;
constexpr int64_t kPage = 4096;

std::byte* map(int64_t size, int flags) {
  void* block = mmap(nullptr, size_t(size), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  if (block == MAP_FAILED)
    fail(ErrorKind::kNoMemory, "[cpu] the system has no {} bytes more", size);
  return static_cast<std::byte*>(block);
}

// At a multiple of a huge page, made of such pages.
std::byte* huge_block(int64_t size) {
  int64_t pages = (size + kPage - 1) / kPage * kPage;
  std::byte* mapped = map(pages + kHugePage, 0);
  int64_t before = -int64_t(reinterpret_cast<uintptr_t>(mapped)) & (kHugePage - 1);
  if (before > 0) munmap(mapped, size_t(before));
  if (before < kHugePage) munmap(mapped + before + pages, size_t(kHugePage - before));
  madvise(mapped + before, size_t(size) / size_t(kHugePage) * size_t(kHugePage), MADV_HUGEPAGE);
  return mapped + before;
}

std::byte* system_block(int64_t size) {
  if (size >= 2 * kHugePage) return huge_block(size);
  if (size >= kMapped) return map(size, 0);
  void* block = std::aligned_alloc(size_t(kLine), size_t(size));
  if (!block) fail(ErrorKind::kNoMemory, "[cpu] the system has no {} bytes more", size);
  return static_cast<std::byte*>(block);
}

void release(std::byte* block, int64_t size, bool reserved) {
  if (reserved || size >= kMapped)
    munmap(block, size_t(size));
  else
    std::free(block);
}

}  // namespace

BlockCache::~BlockCache() { release_until(0); }

std::shared_ptr<std::byte> BlockCache::take(int64_t bytes) {
  check(bytes >= 0 && bytes < int64_t{1} << 46, "[cpu] a tensor of {} bytes", bytes);
  int64_t size =
      reserve_ ? (std::max(bytes, kLine) + kLine - 1) / kLine * kLine : block_size(bytes);
  std::byte* block = reuse(size);
  if (!block) block = reserve_ ? map(size, MAP_NORESERVE) : system_block(size);
  return {block, [cache = shared_from_this(), size](std::byte* p) { cache->give_back(p, size); }};
}

std::byte* BlockCache::reuse(int64_t size) {
  std::lock_guard lock(mutex_);
  used_bytes_ += size;
  most_used_ = std::max(most_used_, used_bytes_);
  if (auto same = kept_.find(size); same != kept_.end()) {
    std::byte* block = same->second.back();
    same->second.pop_back();
    if (same->second.empty()) kept_.erase(same);
    kept_bytes_ -= size;
    return block;
  }
  release_until(most_used_);
  return nullptr;
}

void BlockCache::give_back(std::byte* block, int64_t size) {
  std::lock_guard lock(mutex_);
  used_bytes_ -= size;
  kept_bytes_ += size;
  kept_[size].push_back(block);
}

// Largest first: few calls, much memory.
void BlockCache::release_until(int64_t held) {
  while (kept_bytes_ > 0 && used_bytes_ + kept_bytes_ > held) {
    auto last = std::prev(kept_.end());
    release(last->second.back(), last->first, reserve_);
    kept_bytes_ -= last->first;
    last->second.pop_back();
    if (last->second.empty()) kept_.erase(last);
  }
}

int64_t BlockCache::held_bytes() const {
  std::lock_guard lock(mutex_);
  return used_bytes_ + kept_bytes_;
}

int64_t BlockCache::most_bytes() const {
  std::lock_guard lock(mutex_);
  return most_used_;
}

}  // namespace slm::cpu
