// Remembers the ids of short pieces. Words repeat, so most of a text is encoded by look-up. One
// per thread at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "text/vocabulary.h"

namespace slm {

class PieceCache {
 public:
  static constexpr size_t kMaxBytes = 30, kMaxIds = 8;

  PieceCache() : slots_(std::make_unique<Slot[]>(kSlots)) {}

  // A slot holds one piece at a time, the last that was put there. `piece` has at most kMaxBytes.
  class Slot {
   public:
    bool holds(std::string_view piece) const {
      return size_ == piece.size() && std::memcmp(bytes_, piece.data(), piece.size()) == 0;
    }
    std::span<const int32_t> ids() const { return {ids_, count_}; }
    void put(std::string_view piece, std::span<const int32_t> ids) {
      if (ids.size() > kMaxIds) return;
      size_ = uint8_t(piece.size()), count_ = uint8_t(ids.size());
      std::memcpy(bytes_, piece.data(), piece.size());
      std::copy(ids.begin(), ids.end(), ids_);
    }

   private:
    uint8_t size_ = 0, count_ = 0;
    char bytes_[kMaxBytes] = {};
    int32_t ids_[kMaxIds] = {};
  };
  static_assert(sizeof(Slot) == 64, "a slot is a cache line");

  Slot& slot(std::string_view piece) { return slots_[hash_bytes(piece) & (kSlots - 1)]; }

 private:
  static constexpr size_t kSlots = 1 << 14;
  std::unique_ptr<Slot[]> slots_;
};

}  // namespace slm
