#include "train/plan.h"

#include <algorithm>

#include "util/progress.h"

namespace slm {
namespace {

constexpr double kF32 = 4;
constexpr double kHeadChunk = 512;  // rows of logits that exist at a time (ops/head_loss.h)

double parameter_count(const DecoderSpec& spec) {
  double n = 0;
  for (const ParameterSpec& p : parameter_specs(spec)) n += double(p.shape.elements());
  return n;
}

// Numbers per token that a block keeps until its backward pass.
double block_activations(const DecoderSpec& s) {
  double q = double(s.heads * s.head_size), kv = double(s.kv_heads * s.head_size);
  double d = double(s.width), f = double(s.mlp_width);
  double norms = s.residual == Residual::kParallelShared ? d : 2 * d;
  double qkv = 2 * q + 3 * kv + (s.qk_norm == QkNorm::kNone ? 0 : q + kv);  // before and after rope
  return norms + qkv + q + 4 * d + (s.gated ? 3 : 2) * f;
}

}  // namespace

MemoryPlan plan_memory(const RunConfig& config, const DecoderSpec& spec) {
  double tokens = double(config.batch.micro * config.shape.seq_length);
  double layers = double(spec.layers), width = double(spec.width);
  double blocks = config.recompute ? layers * width + 2 * block_activations(spec)
                                   : layers * block_activations(spec);
  double head = std::min(tokens, kHeadChunk) * double(spec.vocab);
  return {.state = 4 * kF32 * parameter_count(spec),
          .activations = kF32 * (tokens * (blocks + 4 * width) + head)};
}

std::string describe_plan(const RunConfig& c, const ModelConfig& model, const RunData* data,
                          std::optional<double> seconds_per_step) {
  const DecoderSpec& s = model.spec;
  MemoryPlan memory = plan_memory(c, s);
  double step_tokens = double(c.batch.global * c.shape.seq_length);
  double steps = double(c.schedule.train_steps);
  std::string out = format(
      "model       {}: {} parameters, {} layers, width {}, {} heads, MLP {}, vocabulary {}\n",
      model.model_type, format_count(parameter_count(s)), s.layers, s.width, s.heads, s.mlp_width,
      s.vocab);
  out += format("memory      {}: {} weights, gradients and moments, {} activations{}\n",
                format_bytes(memory.total()), format_bytes(memory.state),
                format_bytes(memory.activations), c.recompute ? " (recomputed)" : "");
  out += format("step        {} tokens: {} x {} sequences of {}\n", format_count(step_tokens),
                c.batch.accumulate, c.batch.micro, c.shape.seq_length);
  out += format("run         {} steps, {} tokens\n", c.schedule.train_steps,
                format_count(steps * step_tokens));
  if (data) {
    for (const auto& use : data->train.usage(c.schedule.train_steps * c.batch.global))
      out += format("data        {}: {} tokens, {:.2f} epochs\n", use.prefix,
                    format_count(double(use.tokens)), use.epochs);
  }
  if (seconds_per_step) {
    double flops = flops_per_token(s, c.shape.seq_length).whole * step_tokens / *seconds_per_step;
    out += format("time        {} per step, {} tokens/s, {:.1f} GFLOP/s, {} in all\n",
                  format_duration(*seconds_per_step), format_count(step_tokens / *seconds_per_step),
                  flops / 1e9, format_duration(steps * *seconds_per_step));
  }
  return out;
}

}  // namespace slm
