#include "text/vocabulary.h"

#include <bit>
#include <cstring>

#include "util/error.h"

namespace slm {

void TokenTexts::set(int32_t id, std::string_view text) {
  if (size_t(id) >= entries_.size()) entries_.resize(size_t(id) + 1);
  entries_[size_t(id)] = {arena_.size(), text.size()};
  arena_ += text;
}

uint64_t hash_bytes(std::string_view bytes) {
  constexpr uint64_t kOdd = 0x9E3779B97F4A7C15;
  uint64_t h = bytes.size() * kOdd;
  const char* p = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; p += 8, left -= 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    h = (h ^ word) * kOdd;
    h ^= h >> 32;
  }
  uint64_t rest = 0;
  for (size_t i = 0; i < left; ++i) rest |= uint64_t(static_cast<unsigned char>(p[i])) << (8 * i);
  h = (h ^ rest) * kOdd;
  h ^= h >> 29;
  h *= 0xBF58476D1CE4E5B9;
  return h ^ h >> 32;
}

size_t Vocabulary::slot_of(std::string_view bytes) const {
  size_t i = hash_bytes(bytes) & (slots_.size() - 1);
  while (slots_[i] != kNoToken && texts_[slots_[i]] != bytes) i = (i + 1) & (slots_.size() - 1);
  return i;
}

void Vocabulary::reserve(size_t tokens) {
  size_t slots = std::bit_ceil(std::max<size_t>(16, 2 * tokens + 2));
  if (slots <= slots_.size()) return;
  std::vector<int32_t> old(slots, kNoToken);
  old.swap(slots_);
  for (int32_t id : old) {
    if (id != kNoToken) slots_[slot_of(texts_[id])] = id;
  }
}

void Vocabulary::add(int32_t id, std::string_view bytes, std::string_view origin) {
  check_data(id >= 0 && id < kMaxTokens, "{}: token \"{}\" has id {}, expected 0 to {}", origin,
             bytes, id, kMaxTokens - 1);
  check_data(!bytes.empty(), "{}: token {} is empty", origin, id);
  check_data(texts_[id].empty(), "{}: tokens \"{}\" and \"{}\" have the same id {}", origin,
             texts_[id], bytes, id);
  if (2 * (count_ + 1) > slots_.size()) reserve(2 * count_ + 1);
  int32_t& slot = slots_[slot_of(bytes)];
  check_data(slot == kNoToken, "{}: token \"{}\" has two ids, {} and {}", origin, bytes, slot, id);
  texts_.set(id, bytes);
  slot = id;
  ++count_;
}

int32_t Vocabulary::find(std::string_view bytes) const {
  return slots_.empty() ? kNoToken : slots_[slot_of(bytes)];
}

void MergeTable::resize(size_t slots) {
  std::vector<Slot> old(slots);
  old.swap(slots_);
  shift_ = 64 - std::countr_zero(slots);
  for (const Slot& s : old) {
    if (s.key != kEmpty) slots_[slot_of(s.key)] = s;
  }
}

void MergeTable::reserve(size_t merges) {
  size_t slots = std::bit_ceil(std::max<size_t>(16, 2 * merges + 2));
  if (slots > slots_.size()) resize(slots);
}

void MergeTable::set(int32_t left, int32_t right, Merge merge) {
  if (2 * (count_ + 1) > slots_.size()) reserve(2 * count_ + 1);
  Slot& s = slots_[slot_of(key(left, right))];
  count_ += s.key == kEmpty;
  s = {key(left, right), merge};
}

}  // namespace slm
