// Something that proposes what a text may go on with, much cheaper than the model that decides.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "generate/sequence.h"

namespace slm {

// Serves one sequence at a time. Not thread-safe.
class Drafter {
 public:
  virtual ~Drafter() = default;

  // A new sequence follows. What is known of the last one may be used for it.
  virtual void begin(const GenerationRequest& request) = 0;
  // At most `most` tokens that may follow `ids`, one after the other; fewer, or none, when it has
  // no idea.
  virtual std::vector<Proposal> propose(std::span<const int32_t> ids, int64_t most) = 0;

  // What one proposed token costs, in forward passes of the model; known beforehand, so that how
  // much is proposed, and with it what is sampled for a seed, does not depend on a clock. Negative:
  // to be measured, since proposals are guesses, which do not change what is sampled.
  virtual double cost() const { return -1; }
};

// Makes one for each sequence that is decoded at the same time.
using MakeDrafter = std::function<std::unique_ptr<Drafter>()>;

struct SpeculationOptions {
  MakeDrafter make = {};  // null: one token at a time
  // Tokens proposed at a time: with the one before them, 8 rows, for which a backend reads the
  // weights about as fast as for one.
  int64_t most = 7;
};

}  // namespace slm
