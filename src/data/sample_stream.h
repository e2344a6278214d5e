// The stream of training samples over a weighted mixture of token files, in the order GPT-NeoX
// reads them. Sample i is a pure function of (files, weights, sequence length, seed, i): a trainer
// that stores how many samples it consumed can resume anywhere, with any batch shape.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/mixture.h"
#include "data/sampling.h"
#include "data/token_file.h"

namespace slm {

// Documents [first, end) of a token file; end -1 means all. Weights may have any scale.
struct DataSource {
  std::filesystem::path prefix;
  double weight = 1;
  int64_t first_document = 0, end_document = -1;
  std::filesystem::path labels = {};  // prefix of a label file with the same lengths, or empty
};

struct SampleStreamOptions {
  int64_t seq_length;      // S: a sample is S + 1 ids, inputs and targets shifted by one
  int64_t samples_needed;  // K: how far the stream goes
  uint32_t seed = 1234;
  EpochShuffle epoch_shuffle = EpochShuffle::kNeox;
  int64_t vocab_size = int64_t{1} << 31;  // an id from here up is an error that names its place
  std::filesystem::path cache = {};       // folder for the orders of large files; empty: none
  bool only_plan = false;                 // usage() alone is wanted: nothing is shuffled
  // Hears before each of `total` sources is put in order.
  std::function<void(int64_t source, int64_t total)> progress = {};
};

// Immutable: any number of threads may read samples.
class SampleStream {
 public:
  SampleStream(std::span<const DataSource> sources, const SampleStreamOptions& options);

  int64_t size() const { return mixture_.size(); }
  int64_t seq_length() const { return options_.seq_length; }
  bool has_labels() const { return has_labels_; }
  void sample(int64_t index, std::span<int32_t> out) const;  // out: S + 1 ids
  // What the label files say of the same tokens, S + 1 of them: negative where no loss counts. The
  // ids themselves for a source without labels.
  void labels(int64_t index, std::span<int32_t> out) const;

  // Where a sample comes from: the documents it touches, in their order, and its number among the
  // samples of its source.
  struct Origin {
    size_t source;  // which of the sources
    std::string prefix;
    int64_t sample;
    std::vector<int64_t> documents;
    std::vector<SamplePiece> pieces;  // of those documents
  };
  Origin origin(int64_t index) const;

  // What the first `samples` samples took from each source, for the ledger.
  struct Usage {
    std::string prefix;
    int64_t samples, tokens;  // tokens: S per sample
    double epochs;            // tokens / tokens of the source
  };
  std::vector<Usage> usage(int64_t samples) const;

  // What each source's file holds, and its share of the samples.
  struct SourceSize {
    int64_t documents, tokens;
    double share;
  };
  std::vector<SourceSize> source_sizes() const;

 private:
  struct Source {
    TokenFile file;
    std::optional<TokenFile> labels;
    std::optional<SampleOrder> order;
    int64_t tokens;  // of one epoch
    double share;    // of the samples
  };

  Source open(const DataSource& source, double share) const;
  const Source& source_of(const Mixture::Pick& pick) const;
  [[noreturn]] void refuse_id(const Source& source, int64_t index) const;

  SampleStreamOptions options_;
  std::vector<Source> sources_;
  Mixture mixture_;
  bool has_labels_ = false;
};

}  // namespace slm
