#include "text/bpe_model.h"

#include <algorithm>
#include <functional>
#include <queue>

#include "text/piece_cache.h"
#include "text/unicode.h"
#include "util/error.h"

namespace slm {
namespace {

constexpr uint32_t kNoRank = UINT32_MAX;
constexpr size_t kJoinBits = 1 << 20;

// The symbols of a piece as a linked list. rank[i] and merged[i] describe the pair that begins at
// symbol i, kNoRank if it does not merge.
struct Symbols {
  const MergeTable& merges;
  std::vector<int32_t> ids, next, previous, merged;
  std::vector<uint32_t> rank;

  Symbols(const MergeTable& table, std::vector<int32_t> symbols)
      : merges(table),
        ids(std::move(symbols)),
        next(ids.size()),
        previous(ids.size()),
        merged(ids.size()),
        rank(ids.size(), kNoRank) {
    for (size_t i = 0; i < ids.size(); ++i) {
      next[i] = i + 1 < ids.size() ? int32_t(i + 1) : -1;
      previous[i] = int32_t(i) - 1;
    }
    for (size_t i = 0; i + 1 < ids.size(); ++i) look_up(i);
  }

  uint32_t look_up(size_t i) {
    const Merge* m = next[i] < 0 ? nullptr : merges.find(ids[i], ids[size_t(next[i])]);
    rank[i] = m ? m->rank : kNoRank;
    if (m) merged[i] = m->id;
    return rank[i];
  }

  // Merges the pair at i; the caller looks up the pairs at i and before it again.
  void merge(size_t i) {
    size_t gone = size_t(next[i]);
    ids[i] = merged[i];
    next[i] = next[gone];
    if (next[i] >= 0) previous[size_t(next[i])] = int32_t(i);
    rank[gone] = kNoRank;
  }
};

// For long pieces: O(n log n). An entry is stale once the pair at its place has another rank.
void merge_by_heap(Symbols& s) {
  auto entry = [](uint32_t rank, size_t i) { return uint64_t(rank) << 32 | i; };
  std::vector<uint64_t> pairs;
  for (size_t i = 0; i < s.ids.size(); ++i) {
    if (s.rank[i] != kNoRank) pairs.push_back(entry(s.rank[i], i));
  }
  std::priority_queue heap(std::greater<>{}, std::move(pairs));
  while (!heap.empty()) {
    uint32_t rank = uint32_t(heap.top() >> 32);
    size_t i = size_t(heap.top() & 0xFFFFFFFF);
    heap.pop();
    if (s.rank[i] != rank) continue;
    s.merge(i);
    if (s.look_up(i) != kNoRank) heap.push(entry(s.rank[i], i));
    if (s.previous[i] < 0) continue;
    size_t before = size_t(s.previous[i]);
    if (s.look_up(before) != kNoRank) heap.push(entry(s.rank[before], before));
  }
}

// For short pieces: arrays that stay in the first-level cache, compacted at each merge.
constexpr size_t kShort = 32;

void merge_by_scan(const MergeTable& merges, int32_t* ids, size_t& count) {
  uint32_t rank[kShort];
  int32_t merged[kShort] = {};
  auto look_up = [&](size_t i) {
    const Merge* m = merges.find(ids[i], ids[i + 1]);
    rank[i] = m ? m->rank : kNoRank;
    if (m) merged[i] = m->id;
  };
  for (size_t i = 0; i + 1 < count; ++i) look_up(i);
  while (count > 1) {
    size_t best = size_t(std::min_element(rank, rank + count - 1) - rank);
    if (rank[best] == kNoRank) break;
    ids[best] = merged[best];
    --count;
    for (size_t i = best + 1; i < count; ++i) {
      ids[i] = ids[i + 1], rank[i] = rank[i + 1], merged[i] = merged[i + 1];
    }
    if (best + 1 < count) look_up(best);
    if (best > 0) look_up(best - 1);
  }
}

size_t join_bit(char32_t left, char32_t right) {
  return size_t((uint64_t(left) << 21 | right) * 0x9E3779B97F4A7C15 >> 44) & (kJoinBits - 1);
}

char32_t last_character(std::string_view text) {
  size_t i = text.size() - 1;
  while (i > 0 && (text[i] & 0xC0) == 0x80) --i;
  return decode_utf8(text.substr(i)).c;
}

}  // namespace

void BpeModel::add_all_splits(const std::vector<uint32_t>& rank_of_id) {
  by_rule_ = true;
  for (int32_t id = 0; id < vocab.size(); ++id) {
    std::string_view whole = vocab[id];
    for (size_t cut = 1; cut < whole.size(); ++cut) {
      if (!byte_level && (whole[cut] & 0xC0) == 0x80) continue;
      int32_t left = vocab.find(whole.substr(0, cut));
      if (left == kNoToken) continue;
      int32_t right = vocab.find(whole.substr(cut));
      if (right != kNoToken) merges.set(left, right, {rank_of_id[size_t(id)], id});
    }
  }
}

void BpeModel::prepare() {
  if (byte_level) return;
  joins_.assign(kJoinBits, false);
  merges.each([&](int32_t left, int32_t right, const Merge&) {
    joins_[join_bit(last_character(vocab[left]), decode_utf8(vocab[right]).c)] = true;
  });
}

// False only when no merge ever spans the two characters.
bool BpeModel::may_join(char32_t left, char32_t right) const {
  return joins_[join_bit(left, right)];
}

void BpeModel::encode(std::string_view piece, PieceCache& cache, std::vector<int32_t>& out) const {
  if (byte_level) return encode_cached(piece, cache, out);
  if (whole_pieces_first) {
    if (int32_t id = vocab.find(piece); id != kNoToken) return out.push_back(id);
  }
  size_t begin = 0;
  char32_t before = 0;
  size_t first = out.size();
  for (size_t i = 0; i < piece.size();) {
    int length;
    char32_t c = decode_valid(&piece[i], length);
    if (i > 0 && !may_join(before, c)) {
      encode_cached(piece.substr(begin, i - begin), cache, out);
      begin = i;
    }
    before = c;
    i += size_t(length);
  }
  encode_cached(piece.substr(begin), cache, out);
  if (fuse_unknown && unknown != kNoToken) {
    auto both_unknown = [&](int32_t a, int32_t b) { return a == unknown && b == unknown; };
    out.erase(std::unique(out.begin() + ptrdiff_t(first), out.end(), both_unknown), out.end());
  }
}

void BpeModel::encode_cached(std::string_view piece, PieceCache& cache,
                             std::vector<int32_t>& out) const {
  if (piece.size() > PieceCache::kMaxBytes) return encode_plain(piece, out);
  PieceCache::Slot& slot = cache.slot(piece);
  if (!slot.holds(piece)) {
    size_t first = out.size();
    encode_plain(piece, out);
    return slot.put(piece, std::span(out).subspan(first));
  }
  out.insert(out.end(), slot.ids().begin(), slot.ids().end());
}

// Writes the first symbols of a piece, at most one per byte, and returns their number.
size_t BpeModel::first_symbols(std::string_view piece, int32_t* symbols) const {
  size_t count = 0;
  auto push = [&](int32_t id) {
    if (id == kNoToken) id = unknown;
    if (id != kNoToken) symbols[count++] = id;
  };
  auto push_bytes = [&](std::string_view bytes) {
    for (char c : bytes) push(byte_ids[static_cast<unsigned char>(c)]);
  };
  if (byte_level) return push_bytes(piece), count;
  for (size_t i = 0; i < piece.size();) {
    int length;
    decode_valid(&piece[i], length);
    std::string_view symbol = piece.substr(i, size_t(length));
    i += size_t(length);
    int32_t id = vocab.find(symbol);
    bool spell = id == kNoToken && std::ranges::all_of(symbol, [&](char c) {
                   return byte_ids[static_cast<unsigned char>(c)] != kNoToken;
                 });
    if (spell) {
      push_bytes(symbol);
    } else {
      push(id);
    }
  }
  return count;
}

void BpeModel::encode_plain(std::string_view piece, std::vector<int32_t>& out) const {
  check(piece.size() < (size_t{1} << 31),
        "[tokenizer] {} bytes of text without a break; at most 2 GiB can be encoded at a time",
        piece.size());
  if (byte_level && whole_pieces_first) {
    if (int32_t id = vocab.find(piece); id != kNoToken) return out.push_back(id);
  }
  if (piece.size() <= kShort) {
    int32_t ids[kShort];
    size_t count = first_symbols(piece, ids);
    merge_by_scan(merges, ids, count);
    out.insert(out.end(), ids, ids + count);
    return;
  }
  std::vector<int32_t> ids(piece.size());
  ids.resize(first_symbols(piece, ids.data()));
  if (ids.empty()) return;
  Symbols symbols(merges, std::move(ids));
  merge_by_heap(symbols);
  for (int32_t i = 0; i >= 0; i = symbols.next[size_t(i)]) out.push_back(symbols.ids[size_t(i)]);
}

}  // namespace slm
