#include "generate/prompt_lookup.h"

#include <algorithm>

namespace slm {
namespace {

constexpr size_t kLeast = 2, kEnough = 8;  // tokens of a run

// How many tokens before `end` are those before the end of `ids`; at most kEnough.
size_t common_end(std::span<const int32_t> ids, size_t end) {
  size_t n = 0, most = std::min(end, kEnough);
  while (n < most && ids[end - 1 - n] == ids[ids.size() - 1 - n]) ++n;
  return n;
}

}  // namespace

std::vector<Proposal> PromptLookup::propose(std::span<const int32_t> ids, int64_t most) {
  size_t best = 0, run = kLeast - 1;
  for (size_t end = ids.size() - 1; end >= kLeast && run < kEnough; --end)
    if (size_t n = common_end(ids, end); n > run) best = end, run = n;
  std::vector<Proposal> proposals;
  if (best == 0) return proposals;
  for (size_t i = best; i < ids.size() && std::ssize(proposals) < most; ++i)
    proposals.push_back({ids[i]});
  return proposals;
}

}  // namespace slm
