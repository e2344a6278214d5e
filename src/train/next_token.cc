#include "train/next_token.h"

#include "util/error.h"

namespace slm {

// Row by row: a document starts where a sample starts and behind each eod.
NextTokenBatch pack_samples(std::span<const int32_t> samples, const NextTokenSpec& spec) {
  int64_t length = spec.seq_length, count = int64_t(samples.size()) / (length + 1);
  NextTokenBatch batch;
  batch.tokens.ids = Tensor::host({count * length}, DType::kI32);
  batch.tokens.positions = Tensor::host({count * length}, DType::kI32);
  batch.targets = Tensor::host({count * length}, DType::kI32);
  int32_t* ids = batch.tokens.ids.data<int32_t>();
  int32_t* positions = batch.tokens.positions.data<int32_t>();
  int32_t* targets = batch.targets.data<int32_t>();
  batch.tokens.starts = {0};
  for (int64_t s = 0; s < count; ++s) {
    std::span<const int32_t> sample = samples.subspan(size_t(s * (length + 1)));
    int32_t position = 0;
    for (int64_t t = 0; t < length; ++t) {
      int64_t row = s * length + t;
      int32_t id = token_id(sample[size_t(t)]), target = sample[size_t(t) + 1];
      bool ends = spec.eod && id == *spec.eod;
      bool counts = target >= 0 && !(spec.mask_eod_loss && ends);
      ids[row] = id;
      positions[row] = position++;
      targets[row] = counts ? target : -1;
      batch.counted += counts;
      if (ends && spec.reset_positions) position = 0;
      if (t + 1 == length || (ends && spec.reset_attention)) batch.tokens.starts.push_back(row + 1);
    }
  }
  return batch;
}

NextToken::NextToken(const Decoder& decoder, SampleSource source, const NextTokenSpec& spec)
    : decoder_(decoder),
      source_(std::move(source)),
      spec_(spec),
      curriculum_(spec.curriculum, spec.seq_length) {
  check(spec.seq_length > 0, "[next token] a sequence length of {}", spec.seq_length);
  bool needs_eod = spec.reset_attention || spec.reset_positions || spec.mask_eod_loss;
  check(spec.eod || !needs_eod,
        "[next token] reset_attention_mask, reset_position_ids and eod_mask_loss need a tokenizer "
        "with an end-of-text token");
}

Tensor NextToken::loss(Context& cx, const StepSamples& step, int64_t part) {
  int64_t size = step.micro_batch / step.pieces;
  NextTokenBatch batch = read(step, part * size, size);
  int64_t divisor =
      (step.pieces == 1 ? batch.counted : counted(step, part / step.pieces)) * step.accumulate;
  if (spec_.mean_over_step && spec_.masks()) {
    divisor = 0;
    for (int64_t i = 0; i < step.accumulate; ++i) divisor += counted(step, i);
  }
  if (cx.tape) {
    cx.sample_rows = curriculum_.length(step.steps);
    cx.dropout.first_row = (step.first + part * size) * cx.sample_rows;
  }
  Tensor hidden = decoder_.hidden(cx, batch.tokens);
  return decoder_.loss(cx, hidden, batch.targets,
                       {.divisor = float(std::max<int64_t>(divisor, 1)), .z_loss = spec_.z_loss});
}

// Targets of a micro batch that count.
int64_t NextToken::counted(const StepSamples& step, int64_t micro) const {
  if (!spec_.masks()) return step.micro_batch * curriculum_.length(step.steps);
  return read(step, micro * step.micro_batch, step.micro_batch).counted;
}

NextTokenBatch NextToken::read(const StepSamples& step, int64_t first, int64_t count) const {
  PhaseClock::Scope reading(step.clock, Phase::kData);
  NextTokenSpec cut = spec_;
  cut.seq_length = curriculum_.length(step.steps);
  std::vector<int32_t> samples, whole(size_t(spec_.seq_length) + 1, 0);
  for (int64_t i = 0; i < count; ++i) {
    source_(step.first + first + i, whole);
    samples.insert(samples.end(), whole.begin(), whole.begin() + cut.seq_length + 1);
  }
  return pack_samples(samples, cut);
}

}  // namespace slm
