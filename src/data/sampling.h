// How one token file becomes samples: its documents are repeated and shuffled into one long text,
// cut every S tokens (samples overlap by one token and cross documents), and the pieces shuffled.
// The order is that of GPT-NeoX to the last index.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "data/token_file.h"

namespace slm {

enum class EpochShuffle {
  kNeox,      // all epochs shuffled together: a document may repeat before others were seen
  kMegatron,  // the last epoch apart when less than 80 % of it is needed
  kPerEpoch,  // every epoch by itself, one after the other
};
EpochShuffle epoch_shuffle_named(std::string_view name);  // "neox", "megatron", "per_epoch"

// Documents [first, end) of a file, cut into at least `samples` samples of S + 1 tokens.
struct SampleOrderSpec {
  int64_t first, end, seq_length, samples;
  uint32_t seed;
  EpochShuffle mode;
};

// What follows from a spec before anything is shuffled.
struct SampleOrderSize {
  int64_t tokens = 0;  // of one epoch
  int64_t epochs = 0, positions = 0, samples = 0;
  int64_t bytes() const { return 4 * positions + 8 * (samples + 1) + 4 * samples; }
};
SampleOrderSize sample_order_size(const TokenFile& file, const SampleOrderSpec& spec);

// A stretch of one document.
struct SamplePiece {
  int64_t document, begin, count;
};

// Immutable. Orders of more than a few megabytes are kept in `cache`, when given, and mapped from
// there: they take no memory of their own, and are not made again for the same file and spec.
class SampleOrder {
 public:
  SampleOrder(const TokenFile& file, const SampleOrderSpec& spec,
              const std::filesystem::path& cache = {});

  // Where a sample starts: a position in document_order() and a token of that document. Sample k
  // runs from starts()[k] to starts()[k + 1], both included.
  struct Start {
    uint32_t position;
    int32_t offset;
  };

  int64_t size() const { return size_.samples; }
  int64_t epochs() const { return size_.epochs; }
  int64_t tokens() const { return size_.tokens; }  // of one epoch
  std::span<const int32_t> document_order() const { return documents_; }
  std::span<const Start> starts() const { return starts_; }
  std::span<const uint32_t> shuffle() const { return shuffle_; }

  // Sample i in the file; past the end it starts over.
  std::vector<SamplePiece> pieces(const TokenFile& file, int64_t i) const;
  // Its ids, S + 1 of them.
  void read(const TokenFile& file, int64_t i, std::span<int32_t> out) const;
  // The same places of the label file that belongs to it.
  void read_labels(const TokenFile& labels, int64_t i, std::span<int32_t> out) const;

 private:
  struct Arrays;

  void build(const TokenFile& file, const SampleOrderSpec& spec, Arrays& arrays) const;
  bool look_into(const std::filesystem::path& cached);  // false: nothing of use is there
  void look_at(std::span<const int32_t> documents, std::span<const Start> starts,
               std::span<const uint32_t> shuffle);
  template <class Visit>
  void each_piece(const TokenFile& file, int64_t i, const Visit& visit) const;

  SampleOrderSize size_;
  std::shared_ptr<const void> keeper_;  // of the arrays or the mapped file
  std::span<const int32_t> documents_;
  std::span<const Start> starts_;
  std::span<const uint32_t> shuffle_;
};

}  // namespace slm
