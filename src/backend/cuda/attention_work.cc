#include "backend/cuda/attention_work.h"

#include <algorithm>

namespace slm::cuda {
namespace {

constexpr int64_t kDecodeQueries = 8;

AttentionWork work_of(const AttentionSegment& s, int64_t first) {
  return {s.q_begin, s.k_begin, int32_t(s.q_len), int32_t(s.k_len), int32_t(first), -1};
}

// Blocks start in the order of the list: long ones first leaves no long one for the end.
void longest_first(std::vector<std::pair<int64_t, AttentionWork>>& all) {
  std::ranges::stable_sort(all, [](auto& a, auto& b) { return a.first > b.first; });
}

std::vector<AttentionWork> without_lengths(
    const std::vector<std::pair<int64_t, AttentionWork>>& all) {
  std::vector<AttentionWork> works;
  for (const auto& [length, work] : all) works.push_back(work);
  return works;
}

}  // namespace

bool decodes(const AttentionArgs& a, const AttentionSegment& s) {
  return !a.uniform && a.dropout.rate == 0 && s.q_len <= kDecodeQueries;
}

std::vector<AttentionWork> query_tiles(const Segments& segments, int queries, int64_t window) {
  std::vector<std::pair<int64_t, AttentionWork>> all;
  for (const AttentionSegment& s : segments)
    for (int64_t q = 0; q < s.q_len; q += queries) {
      int64_t seen = s.k_len - s.q_len + std::min(q + queries, s.q_len);
      if (window > 0) seen = std::min(seen, window + queries);
      all.emplace_back(seen, work_of(s, q));
    }
  longest_first(all);
  return without_lengths(all);
}

std::vector<AttentionWork> key_tiles(const Segments& segments, int keys) {
  std::vector<std::pair<int64_t, AttentionWork>> all;
  for (const AttentionSegment& s : segments)
    for (int64_t k = 0; k < s.k_len; k += keys)
      all.emplace_back(std::min(s.q_len, s.k_len - k), work_of(s, k));
  longest_first(all);
  return without_lengths(all);
}

DecodePlan plan_decode(const Segments& segments, int64_t window) {
  DecodePlan plan;
  for (const AttentionSegment& s : segments) {
    int64_t oldest = window > 0 ? std::max<int64_t>(0, s.k_len - s.q_len - window + 1) : 0;
    int64_t begin = oldest / kShareKeys, end = (s.k_len + kShareKeys - 1) / kShareKeys;
    plan.most_queries = std::max(plan.most_queries, int(s.q_len));
    for (int64_t i = begin; i < end; ++i) {
      AttentionWork& work = plan.shares.emplace_back(work_of(s, i * kShareKeys));
      if (end - begin > 1) work.share = int32_t(plan.sums + (i - begin) * s.q_len);
    }
    if (end - begin == 1) continue;
    for (int64_t q = 0; q < s.q_len; ++q) {
      AttentionWork& merge = plan.merges.emplace_back(work_of(s, end - begin));
      merge.q_begin += q;
      merge.share = int32_t(plan.sums + q);
    }
    plan.sums += (end - begin) * s.q_len;
  }
  return plan;
}

std::vector<Segments> disjoint_keys(std::span<const AttentionSegment> segments) {
  Segments sorted(segments.begin(), segments.end());
  std::ranges::stable_sort(sorted, {}, &AttentionSegment::k_begin);
  std::vector<Segments> parts;
  for (const AttentionSegment& s : sorted) {
    auto free = [&](const Segments& part) {
      return part.back().k_begin + part.back().k_len <= s.k_begin;
    };
    auto part = std::ranges::find_if(parts, free);
    if (part == parts.end()) part = parts.emplace(parts.end());
    part->push_back(s);
  }
  return parts;
}

bool tiles_rows(std::span<const AttentionSegment> segments, int64_t rows,
                int64_t AttentionSegment::*begin, int64_t AttentionSegment::*length) {
  Segments sorted(segments.begin(), segments.end());
  std::ranges::sort(sorted, {}, begin);
  int64_t next = 0;
  for (const AttentionSegment& s : sorted) {
    if (s.*begin != next) return false;
    next += s.*length;
  }
  return next == rows;
}

}  // namespace slm::cuda
