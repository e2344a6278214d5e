// The order in which sums over processes and over the sequences of a batch are taken: halves first,
// while there are two equal ones; an odd number of terms one after the other.
//
// A process that holds one of 2^k equal parts of the terms can add up its part alone, and the parts
// of all processes then add up in the same order: that makes a sum independent of how many
// processes took part in it.
#pragma once

#include <cstdint>

namespace slm {

// Calls term(i, slot) to put term i into a slot, or to add it to what is there when `add`, and
// combine(slot, other) for slot += other. The sum of terms [first, first + count) ends in `slot`;
// slots up to slot + tree_depth(count) are used. No more than `halvings` levels are halved.
template <class Term, class Combine>
void tree_sum(int64_t first, int64_t count, int halvings, const Term& term, const Combine& combine,
              int slot = 0) {
  if (count % 2 != 0 || halvings == 0) {
    for (int64_t i = 0; i < count; ++i) term(first + i, slot, i > 0);
    return;
  }
  tree_sum(first, count / 2, halvings - 1, term, combine, slot);
  tree_sum(first + count / 2, count / 2, halvings - 1, term, combine, slot + 1);
  combine(slot, slot + 1);
}

// How often `count` can be halved, at most `halvings` times.
inline int tree_depth(int64_t count, int halvings) {
  int depth = 0;
  while (depth < halvings && count > 0 && count % 2 == 0) ++depth, count /= 2;
  return depth;
}

}  // namespace slm
