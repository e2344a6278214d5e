#include "generate/speculative_sampling.h"

#include <algorithm>

namespace slm {
namespace {

double probability_of(std::span<const Candidate> candidates, int32_t id) {
  auto it = std::ranges::lower_bound(candidates, id, {}, &Candidate::id);
  return it != candidates.end() && it->id == id ? it->probability : 0;
}

// max(0, p - q), normalised.
std::vector<Candidate> remainder(std::span<const Candidate> p, std::span<const Candidate> q) {
  std::vector<Candidate> rest;
  double sum = 0;
  auto other = q.begin();
  for (const Candidate& c : p) {
    while (other != q.end() && other->id < c.id) ++other;
    double left = c.probability - (other != q.end() && other->id == c.id ? other->probability : 0);
    if (left <= 0) continue;
    rest.push_back({c.id, left});
    sum += left;
  }
  for (Candidate& c : rest) c.probability /= sum;
  return rest;
}

}  // namespace

int32_t draw(std::span<const Candidate> candidates, double uniform) {
  for (const Candidate& c : candidates)
    if ((uniform -= c.probability) < 0) return c.id;
  // Only rounding leads here: the probabilities added up to a little less than the number drawn.
  return std::ranges::max(candidates, {}, &Candidate::probability).id;
}

int32_t accept_or_replace(std::span<const Candidate> p, const Proposal& proposal, double accept,
                          double replace) {
  double target = probability_of(p, proposal.id);
  if (accept * probability_of(proposal.from, proposal.id) < target) return proposal.id;
  std::vector<Candidate> rest = remainder(p, proposal.from);
  return draw(rest.empty() ? p : rest, replace);  // empty: equal but for rounding
}

}  // namespace slm
