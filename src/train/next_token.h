// Language modelling: predict each next token of packed samples.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "model/decoder.h"
#include "train/curriculum.h"
#include "train/objective.h"

namespace slm {

// Fills in the tokens of sample `index`, in the order of consumption: one more than the length of a
// sequence.
using SampleSource = std::function<void(int64_t index, std::span<int32_t> tokens)>;

struct NextTokenSpec {
  int64_t seq_length = 0;
  std::optional<int32_t> eod;    // ends a document; belongs to the document it ends
  bool reset_attention = false;  // tokens see only their own document
  bool reset_positions = false;  // positions restart with each document
  bool mask_eod_loss = false;    // no loss where the input token is eod
  // Mean over all counted tokens of the step, instead of the mean of the micro batches' means.
  bool mean_over_step = false;
  float z_loss = 0;
  CurriculumSpec curriculum = {};
};

// A micro batch, ready for the model.
struct NextTokenBatch {
  TokenBatch tokens;
  Tensor targets;       // [T] i32; -1: not counted
  int64_t counted = 0;  // targets that are
};
// `labels`, of the same size, says what is to be predicted instead of each token; negative: it is
// not counted. Empty: the tokens themselves.
NextTokenBatch pack_samples(std::span<const int32_t> samples, const NextTokenSpec& spec,
                            std::span<const int32_t> labels = {});

class NextToken : public Objective {
 public:
  // The decoder must outlive it. `labels`, if given, are those of the same sample.
  NextToken(const Decoder& decoder, SampleSource source, const NextTokenSpec& spec,
            SampleSource labels = {});

  Tensor loss(Context& cx, const StepSamples& step, int64_t part) override;

 private:
  // `first` counts from the first sample of the step.
  NextTokenBatch read(const StepSamples& step, int64_t first, int64_t count) const;
  int64_t counted(const StepSamples& step, int64_t micro) const;
  bool counts_all() const { return !spec_.mask_eod_loss && !labels_; }

  const Decoder& decoder_;
  SampleSource source_, labels_;
  NextTokenSpec spec_;
  Curriculum curriculum_;
};

}  // namespace slm
