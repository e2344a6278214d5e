#include "train/derived_config.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "core/dtype.h"
#include "data/sampling.h"
#include "train/fault_policy.h"
#include "train/initialize.h"
#include "train/model_shape.h"
#include "train/schedule.h"
#include "util/error.h"

namespace slm {

namespace {

void check_positive(std::string_view key, int64_t value) {
  check(value > 0 && value < (int64_t{1} << 40),
        "[config] key \"{}\" is {}; it must be given and positive", key, value);
}

void derive_shape(RunConfig& c) {
  RunConfig::Shape& s = c.shape;
  check_positive("num_layers", s.layers);
  check_positive("hidden_size", s.hidden);
  check_positive("num_attention_heads", s.heads);
  check_positive("seq_length", s.seq_length);
  check_positive("max_position_embeddings", s.max_positions);
  check_positive("mlp_multiple_of", s.mlp_multiple);
  check_positive("make_vocab_size_divisible_by", s.vocab_multiple);
  check(s.seq_length <= s.max_positions,
        "[config] seq_length {} is more than max_position_embeddings {}", s.seq_length,
        s.max_positions);
  s.model_parallel = std::max<int64_t>(1, s.model_parallel);
  check(s.rotary_scale > 0 && s.rotary_scale <= 1e6,
        "[config] rotary_scaling_factor is {}, expected a positive number", s.rotary_scale);
  if (s.rotary_scale != 1)
    c.notes.push_back(
        "rotary_scaling_factor: positions are interpolated linearly; the authors of these "
        "configurations saw samples get worse with it after about 10B tokens");
  if (s.pipeline_parallel > 1)
    c.notes.push_back("pipe_parallel_size: all stages run in this one process");

  if (s.kv_heads == 0) s.kv_heads = s.heads;
  check(s.head_type == "multihead" || s.head_type == "groupedquery",
        "[config] attention_head_type is \"{}\", expected multihead or groupedquery", s.head_type);
  check(s.head_type == "groupedquery" || !c.given.contains("attention_head_type") ||
            s.kv_heads == s.heads,
        "[config] attention_head_type is multihead, but num_kv_heads {} is not "
        "num_attention_heads {}",
        s.kv_heads, s.heads);
  check(s.hidden % s.heads == 0, "[config] hidden_size {} is no multiple of num_attention_heads {}",
        s.hidden, s.heads);

  int64_t layers = 0;
  for (const AttentionRun& run : s.attention) {
    check(run.repeats > 0 && run.repeats <= s.layers && !run.kinds.empty(),
          "[config] attention_config repeats {} kinds {} times, num_layers is {}", run.kinds.size(),
          run.repeats, s.layers);
    for (const std::string& kind : run.kinds)
      check(kind == "flash" || kind == "global",
            "[config] attention_config names \"{}\"; flash and global are supported", kind);
    layers += run.repeats * int64_t(run.kinds.size());
  }
  check(s.attention.empty() || layers == s.layers,
        "[config] attention_config covers {} layers, num_layers is {}", layers, s.layers);
}

// One batch size of three may be missing, or two (GPT-NeoX's rules).
void derive_batch(RunConfig::Batch& b, int64_t processes) {
  for (int64_t n : {b.global, b.micro, b.accumulate})
    check(n >= 0 && n < (1 << 30), "[config] a batch size of {} makes no sense", n);
  check(b.global > 0 || b.micro > 0,
        "[config] give train_micro_batch_size_per_gpu or train_batch_size");
  int64_t each = b.global / processes;  // sequences of a process
  if (b.micro == 0) b.micro = b.accumulate > 0 ? each / b.accumulate : each;
  if (b.accumulate == 0) b.accumulate = each > 0 && b.micro > 0 ? each / b.micro : 1;
  if (b.global == 0) b.global = b.micro * b.accumulate * processes;
  check(b.global == b.micro * b.accumulate * processes && b.global > 0,
        "[config] train_batch_size {} is not train_micro_batch_size_per_gpu {} x "
        "gradient_accumulation_steps {} x {} data-parallel processes: leave one of the first three "
        "out to have it computed",
        b.global, b.micro, b.accumulate, processes);
}

// What several processes share must divide among them.
void check_parts(const RunConfig& c) {
  int64_t parts = c.parts();
  check(
      c.parallel.processes % parts == 0,
      "[config] model_parallel_size is {}, but there are {} processes: start a multiple of {}, or "
      "one alone, which computes all parts",
      parts, c.parallel.processes, parts);
  struct Axis {
    std::string_view key;
    int64_t count;
  };
  for (const Axis& axis :
       {Axis{"num_attention_heads", c.shape.heads}, Axis{"num_kv_heads", c.shape.kv_heads},
        Axis{"MLP width", mlp_width(c.shape)}})
    check(axis.count % parts == 0,
          "[config] {} is {}, which model_parallel_size {} does not divide: each process has an "
          "equal part of it",
          axis.key, axis.count, parts);
}

void derive_parallel(RunConfig& c) {
  RunConfig::Parallel& p = c.parallel;
  check(p.bucket > 0,
        "[config] zero_optimization.reduce_bucket_size is {}, expected a positive "
        "number of gradients",
        p.bucket);
  check(p.zero_stage >= 0 && p.zero_stage <= 3,
        "[config] zero_optimization.stage is {}, expected 0 or 1", p.zero_stage);
  check_parts(c);
  if (p.zero_stage <= 1) return;
  c.notes.push_back(
      format("zero_optimization.stage: {} is asked for; computed as 1, with whole "
             "weights and gradients in each process",
             p.zero_stage));
  p.zero_stage = 1;
}

void derive_schedule(RunConfig& c) {
  RunConfig::Schedule& s = c.schedule;
  check_positive("train_iters", s.train_steps);
  if (s.decay_steps == 0) s.decay_steps = int64_t(double(s.train_steps) * s.decay_fraction);
  check(!(s.keep_checkpoint_schedule && s.override_checkpoint_schedule),
        "[config] override_lr_scheduler and use_checkpoint_lr_scheduler contradict each other");
  Schedule(c.optimizer.lr, s);  // refuses what it cannot do
}

void derive_precision(RunConfig& c) {
  check(!(c.fp16 && c.bf16), "[config] fp16.enabled and bf16.enabled contradict each other");
  std::string asked = c.fp16 ? "fp16" : c.bf16 ? "bfloat16" : "";
  if (c.precision.empty()) c.precision = asked.empty() ? "fp32" : asked;
  constexpr std::array<std::string_view, 3> kNames{"fp32", "fp16", "bfloat16"};
  check(std::find(kNames.begin(), kNames.end(), c.precision) != kNames.end(),
        "[config] precision is \"{}\", expected fp32, fp16 or bfloat16", c.precision);
  check(asked.empty() || asked == c.precision, "[config] precision is {}, but {} is enabled",
        c.precision, asked);
  if (c.precision == "fp16") LossScaler scaler{c.loss_scaler};  // refuses what it cannot do
}

// An unset list is often written [""].
void derive_paths(std::string_view key, std::vector<std::string>& paths,
                  std::vector<double>& weights) {
  bool placeholder = std::all_of(paths.begin(), paths.end(), [](auto& p) { return p.empty(); });
  if (placeholder) {
    paths.clear();
    weights.clear();
  }
  if (weights.empty()) weights.assign(paths.size(), 1.0);
  check(weights.size() == paths.size(), "[config] {}_data_paths has {} entries, {}_data_weights {}",
        key, paths.size(), key, weights.size());
  double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  bool negative = std::any_of(weights.begin(), weights.end(), [](double w) { return w < 0; });
  check(paths.empty() || (sum > 0 && !negative),
        "[config] {}_data_weights must not be negative, and not all zero", key);
}

void check_labels(std::string_view key, const std::vector<std::string>& paths,
                  const std::vector<std::string>& labels) {
  check(labels.empty() || labels.size() == paths.size(),
        "[config] {0}_label_data_paths has {1} entries, {0}_data_paths {2}", key, labels.size(),
        paths.size());
}

void derive_data(RunConfig::Data& d) {
  derive_paths("train", d.train, d.train_weights);
  derive_paths("valid", d.valid, d.valid_weights);
  derive_paths("test", d.test, d.test_weights);
  check(d.path.empty() || (d.train.empty() && d.valid.empty() && d.test.empty()),
        "[config] give data_path with split, or lists of paths, not both");
  check_labels("train", d.train, d.train_labels);
  check_labels("valid", d.valid, d.valid_labels);
  check_labels("test", d.test, d.test_labels);
  check(d.weight_alpha > 0, "[config] weighted_sampler_alpha must be positive, found {}",
        d.weight_alpha);
  epoch_shuffle_named(d.epoch_shuffle);
}

void check_values(const RunConfig& c) {
  check(c.optimizer.type == "Adam" || c.optimizer.type == "AdamW",
        "[config] optimizer.type is \"{}\", expected Adam or AdamW", c.optimizer.type);
  auto& betas = c.optimizer.betas;
  check(betas.size() == 2 && betas[0] >= 0 && betas[0] < 1 && betas[1] >= 0 && betas[1] < 1,
        "[config] optimizer.params.betas must be two numbers in 0..1");
  check(c.optimizer.lr > 0 && c.optimizer.eps >= 0 && c.optimizer.weight_decay >= 0 &&
            c.optimizer.max_grad_norm >= 0,
        "[config] the learning rate must be positive, eps, weight_decay and gradient_clipping not "
        "negative");
  check(c.hidden_dropout >= 0 && c.hidden_dropout < 1,
        "[config] hidden_dropout is {}, expected a probability below 1", c.hidden_dropout);
  check(c.attention_dropout >= 0 && c.attention_dropout < 1,
        "[config] attention_dropout is {}, expected a probability below 1", c.attention_dropout);
  check(!c.recompute || c.recompute_layers > 0,
        "[config] checkpoint_num_layers is {}, expected 1 or more", c.recompute_layers);
  Curriculum curriculum(c.curriculum, c.shape.seq_length);  // refuses what it cannot do
  check(c.data.impl == "mmap" || c.data.impl == "infer",
        "[config] data_impl is \"{}\", expected mmap or infer", c.data.impl);
  check(c.data.packing == "packed",
        "[config] pack_impl is \"{}\"; only packed is supported: samples run on across documents",
        c.data.packing);
  check(c.data.loss_norm == "micro" || c.data.loss_norm == "global_tokens",
        "[config] loss_norm is \"{}\", expected micro or global_tokens", c.data.loss_norm);
  check(c.data.seed >= 0, "[config] seed {} is negative", c.data.seed);
  check(c.saving.every >= 0 && c.saving.keep_last >= 0 && c.watching.log_every > 0 &&
            c.watching.eval_every >= 0 && c.watching.eval_batches >= 0,
        "[config] intervals and counts must not be negative, log_interval not zero");
}

void check_saving(const RunConfig& c) {
  const RunConfig::Saving& s = c.saving;
  check(s.keep_every >= 0 && s.exit_every >= 0,
        "[config] keep_every and exit_interval must not be negative");
  check(s.scale == "linear" || s.scale == "log",
        "[config] checkpoint_scale is \"{}\", expected linear or log", s.scale);
  check(s.scale == "linear" || s.every > 1,
        "[config] checkpoint_scale log needs a checkpoint_factor of 2 or more, found {}", s.every);
  auto dtype = dtype_from_name(s.dtype);
  check(s.dtype.empty() || dtype == DType::kF32 || dtype == DType::kBF16 || dtype == DType::kF16,
        "[config] checkpoint_dtype is \"{}\", expected f32, bf16 or f16", s.dtype);
  FaultPolicySpec faults = fault_policy_spec(c.faults);
  FaultPolicy{faults};
  check(!faults.rewinds() || !s.without_optimizer,
        "[config] no_save_optim leaves nothing to rewind to: set on_nonfinite and on_spike to "
        "something else than rewind");
}

}  // namespace

void derive(RunConfig& c) {
  if (c.watching.print_every > 0 && !c.given.contains("log_interval"))
    c.watching.log_every = c.watching.print_every;
  derive_shape(c);
  derive_parallel(c);
  derive_batch(c.batch, c.sharers());
  derive_precision(c);
  derive_data(c.data);
  check_values(c);
  check_saving(c);
  derive_schedule(c);
  check_init_method(c.init.method);
  check_init_method(c.init.output_method);
}

}  // namespace slm
