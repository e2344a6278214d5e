// How one token file becomes samples: its documents are repeated and shuffled into one long text,
// cut every S tokens (samples overlap by one token and cross documents), and the pieces shuffled.
// The order is that of GPT-NeoX to the last index.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/token_file.h"

namespace slm {

enum class EpochShuffle {
  kNeox,      // all epochs shuffled together: a document may repeat before others were seen
  kMegatron,  // the last epoch apart when less than 80 % of it is needed
  kPerEpoch,  // every epoch by itself, one after the other
};

class SampleOrder {
 public:
  // Cuts documents [first, end) of the file into at least `samples` samples of S + 1 tokens.
  SampleOrder(const TokenFile& file, int64_t first, int64_t end, int64_t seq_length,
              int64_t samples, uint32_t seed, EpochShuffle mode);

  // Where a sample starts: a position in document_order() and a token of that document. Sample k
  // runs from starts()[k] to starts()[k + 1], both included.
  struct Start {
    uint32_t position;
    int32_t offset;
  };

  int64_t size() const { return int64_t(shuffle_.size()); }
  int64_t epochs() const { return epochs_; }
  int64_t tokens() const { return tokens_; }  // of one epoch
  const std::vector<int32_t>& document_order() const { return documents_; }
  const std::vector<Start>& starts() const { return starts_; }
  const std::vector<int64_t>& shuffle() const { return shuffle_; }

  // The ids of sample i; past the end it starts over.
  void read(const TokenFile& file, int64_t i, std::span<int32_t> out) const;
  std::vector<int64_t> documents_of(int64_t i) const;  // that it touches

 private:
  void build_starts(const TokenFile& file, int64_t seq_length, int64_t samples);

  int64_t epochs_, tokens_;
  std::vector<int32_t> documents_;
  std::vector<Start> starts_;
  std::vector<int64_t> shuffle_;
};

}  // namespace slm
