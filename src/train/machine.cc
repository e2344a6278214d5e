#include "train/machine.h"

namespace slm {

NextTokenSpec objective_spec(const RunConfig& config, const SpecialTokens& special) {
  return {.seq_length = config.shape.seq_length,
          .eod = special.eos,
          .reset_attention = config.data.reset_attention,
          .reset_positions = config.data.reset_positions,
          .mask_eod_loss = config.data.mask_eod_loss,
          .has_labels = !config.data.train_labels.empty() || !config.data.valid_labels.empty() ||
                        !config.data.test_labels.empty(),
          .mean_over_step = config.data.loss_norm == "global_tokens",
          .z_loss = float(config.data.z_loss)};
}

namespace {

AdamWSpec optimizer_spec(const RunConfig::Optimizer& o) {
  return {.beta1 = o.betas[0], .beta2 = o.betas[1], .eps = o.eps, .weight_decay = o.weight_decay};
}

// What several parts have whole counts once, in the first.
std::vector<FlatSpan> counted_spans(const ModelPart& mine) {
  std::vector<FlatSpan> spans;
  int64_t at = 0;
  for (const ParameterPart& p : mine.parameters()) {
    int64_t end = at + p.spec.shape.elements();
    if (mine.spec().part == 0 || p.cut()) {
      if (spans.empty() || spans.back().end != at) spans.push_back({at, at});
      spans.back().end = end;
    }
    at = end;
  }
  return spans;
}

DataParallelOptions parallel_options(const RunConfig::Parallel& p, const ModelPart& mine,
                                     const ProcessGrid& grid) {
  constexpr int64_t kMostInBucket = 1 << 22;  // larger ones only need memory
  return {.zero_stage = p.zero_stage,
          .deterministic = p.deterministic,
          .overlap = p.overlap,
          .bucket = std::min(p.bucket, kMostInBucket),
          .row = grid.row(),
          .counted = counted_spans(mine)};
}

NextTokenSpec training_spec(const RunConfig& config, const SpecialTokens& special) {
  NextTokenSpec spec = objective_spec(config, special);
  spec.curriculum = config.curriculum;
  return spec;
}

std::optional<LossScaler> loss_scaler(const RunConfig& config) {
  if (config.working_type() != DType::kF16) return {};
  return LossScaler(config.loss_scaler);
}

constexpr uint64_t kDropoutSeed = 0x64726f706f7574;  // apart from that of initial values

TrainerOptions trainer_options(const RunConfig& c, DataParallel& parallel, LossScaler* scaler,
                               Machine::Accept accept) {
  return {.micro_batch = c.batch.micro,
          .accumulate = c.batch.micro_batches(),
          .max_grad_norm = c.optimizer.max_grad_norm,
          .recompute = c.recompute ? c.recompute_layers : 0,
          .dropout = {.rate = c.hidden_dropout,
                      .attention = c.attention_dropout,
                      .seed = uint64_t(c.data.seed) ^ kDropoutSeed},
          .loss_scaler = scaler,
          .parallel = &parallel,
          .accept = std::move(accept)};
}

Parameters trainable(Parameters parameters, Backend& backend, DType working) {
  parameters.make_trainable(backend, working);
  return parameters;
}

}  // namespace

Machine::Machine(const RunConfig& config, const ModelPart& mine, const SpecialTokens& special,
                 Parameters initial, Backend& backend, const ProcessGrid& grid, SampleSource source,
                 Accept accept)
    : exact(config.working_type() == DType::kF32 ? Parameters{} : initial),
      parameters(trainable(std::move(initial), backend, config.working_type())),
      decoder(mine.spec(), parameters, grid.sum(backend)),
      objective(decoder, std::move(source), training_spec(config, special)),
      parallel(grid.column(), backend, parameters, parallel_options(config.parallel, mine, grid)),
      optimizer(backend, parameters, optimizer_spec(config.optimizer), parallel.span()),
      schedule(config.optimizer.lr, config.schedule),
      scaler(loss_scaler(config)),
      trainer(backend, parameters, objective, optimizer, schedule,
              trainer_options(config, parallel, scaler ? &*scaler : nullptr, std::move(accept))) {
  if (optimizer.mixed()) optimizer.start_from(exact);
  exact = {};
}

}  // namespace slm
