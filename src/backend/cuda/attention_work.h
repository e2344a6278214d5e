// How a call of attention is cut up for the blocks of threads. What a piece computes depends on its
// own segment alone.
#pragma once

#include <vector>

#include "backend/arguments.h"

namespace slm::cuda {

constexpr int kShareKeys = 256;  // looked at by one block in decoding

// A piece of a segment that begins at query or key `first` of it.
struct AttentionWork {
  int64_t q_begin, k_begin;  // the segment's first rows
  int32_t q_len, k_len;
  int32_t first;
  int32_t share;  // in decoding: place of its sums, in rows of [H] of one query; -1: needs none
};

// Few queries over keys that are read once: the keys are shared out. It adds up in another order.
bool decodes(const AttentionArgs& a, const AttentionSegment& s);

using Segments = std::vector<AttentionSegment>;

// Runs of `queries` queries, those that see most keys first.
std::vector<AttentionWork> query_tiles(const Segments& segments, int queries, int64_t window);
// Runs of `keys` keys, those that most queries see first.
std::vector<AttentionWork> key_tiles(const Segments& segments, int keys);

struct DecodePlan {
  std::vector<AttentionWork> shares;
  // A query each of segments with several shares. q_begin: its row, `first`: how many shares.
  std::vector<AttentionWork> merges;
  int64_t sums = 0;      // rows of [H] of one query
  int most_queries = 0;  // of a segment
};
DecodePlan plan_decode(const Segments& segments, int64_t window);

// Parts in which no key is in two segments: gradients of keys are added in parallel within a part,
// and part after part.
std::vector<Segments> disjoint_keys(std::span<const AttentionSegment> segments);

// Does every row belong to exactly one segment?
bool tiles_rows(std::span<const AttentionSegment> segments, int64_t rows,
                int64_t AttentionSegment::*begin, int64_t AttentionSegment::*length);

}  // namespace slm::cuda
