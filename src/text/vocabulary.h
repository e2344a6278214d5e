// The tokens of a model: bytes of an id, id of bytes, and which pairs of ids merge into which.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slm {

constexpr int32_t kNoToken = -1;
constexpr int64_t kMaxTokens = 1 << 21;  // far above any published vocabulary

// Strings by id, in one arena. Ids that were never set have the empty string.
class TokenTexts {
 public:
  void set(int32_t id, std::string_view text);  // 0 <= id < kMaxTokens
  std::string_view operator[](int32_t id) const {
    if (id < 0 || size_t(id) >= entries_.size()) return {};
    const Entry& e = entries_[size_t(id)];
    return std::string_view(arena_).substr(e.offset, e.size);
  }
  int64_t size() const { return int64_t(entries_.size()); }

 private:
  struct Entry {
    uint64_t offset = 0, size = 0;
  };
  std::string arena_;
  std::vector<Entry> entries_;
};

uint64_t hash_bytes(std::string_view bytes);

// The same with a way back: distinct, non-empty strings.
class Vocabulary {
 public:
  void reserve(size_t tokens);
  // Errors when the id or the string is there already; `origin` starts the message.
  void add(int32_t id, std::string_view bytes, std::string_view origin);
  int32_t find(std::string_view bytes) const;  // kNoToken when absent
  const TokenTexts& texts() const { return texts_; }
  std::string_view operator[](int32_t id) const { return texts_[id]; }
  int64_t size() const { return texts_.size(); }

 private:
  size_t slot_of(std::string_view bytes) const;
  TokenTexts texts_;
  std::vector<int32_t> slots_;  // open addressing, a power of two, at most half full
  size_t count_ = 0;
};

// (left id, right id) -> the merged id and the priority of the merge: lower ranks go first.
struct Merge {
  uint32_t rank;
  int32_t id;
};

class MergeTable {
 public:
  void reserve(size_t merges);
  void set(int32_t left, int32_t right, Merge merge);  // replaces an earlier one
  const Merge* find(int32_t left, int32_t right) const {
    if (slots_.empty()) return nullptr;
    const Slot& s = slots_[slot_of(key(left, right))];
    return s.key == kEmpty ? nullptr : &s.merge;
  }

  template <class Visit>
  void each(Visit&& visit) const {  // visit(left, right, merge), in no particular order
    for (const Slot& s : slots_) {
      if (s.key != kEmpty) visit(int32_t(s.key >> 32), int32_t(s.key & 0xFFFFFFFF), s.merge);
    }
  }

 private:
  static constexpr uint64_t kEmpty = UINT64_MAX;
  struct Slot {
    uint64_t key = kEmpty;
    Merge merge{};
  };
  static uint64_t key(int32_t left, int32_t right) {
    return uint64_t(uint32_t(left)) << 32 | uint32_t(right);
  }
  size_t slot_of(uint64_t k) const {
    size_t i = size_t((k * 0x9E3779B97F4A7C15) >> shift_);
    while (slots_[i].key != k && slots_[i].key != kEmpty) i = (i + 1) & (slots_.size() - 1);
    return i;
  }
  void resize(size_t slots);

  std::vector<Slot> slots_;
  int shift_ = 64;
  size_t count_ = 0;
};

}  // namespace slm
