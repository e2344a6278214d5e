// Trains a byte-level BPE vocabulary: the text is split with the GPT-2 pattern, then the most
// frequent pair of neighbouring symbols becomes a new symbol until the vocabulary is full.
// Sennrich, Haddow, Birch, "Neural machine translation of rare words with subword units", ACL 2016.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace slm {

struct BpeTrainerOptions {
  int64_t vocab_size = 8192;                // special tokens and the 256 bytes included
  std::vector<std::string> special_tokens;  // ids from 0 on; the first is the end-of-text token
  int64_t min_frequency = 2;                // pairs seen less often are not merged
};

class BpeTrainer {
 public:
  using Progress = std::function<void(int64_t done, int64_t total)>;  // merges

  explicit BpeTrainer(BpeTrainerOptions options);
  ~BpeTrainer();

  void add(std::string_view text);  // NFC is applied, as by the tokenizer that results

  // A tokenizer.json in the Hugging Face schema. The same texts give the same bytes, in whatever
  // order they were added. The vocabulary is smaller than asked when no pair is left to merge.
  std::string train_to_json(const Progress& progress = {}) const;

 private:
  struct Pieces;
  BpeTrainerOptions options_;
  std::unique_ptr<Pieces> pieces_;
};

}  // namespace slm
