#include "train/plan.h"

#include <algorithm>

#include "model/model_part.h"
#include "model/sizes.h"
#include "train/schedule.h"
#include "util/progress.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

template <class... Args>
std::string row(std::string_view head, format_string<Args...> text, Args&&... args) {
  return format("{:<12}{}\n", head, fmt::format(text, std::forward<Args>(args)...));
}

int64_t processes_of(const PlanInputs& in) { return in.config.parallel.processes; }

std::string model_rows(const PlanInputs& in) {
  const DecoderSpec& s = in.model.spec;
  double count = 0;
  for (const ParameterSpec& p : parameter_specs(s)) count += double(p.shape.elements());
  std::string heads = s.kv_heads == s.heads ? "" : format(" ({} for keys and values)", s.kv_heads);
  return row("model", "{}: {} parameters, {} layers, width {}, {} heads{}, MLP {}, vocabulary {}",
             in.model.model_type, format_count(count), s.layers, s.width, s.heads, heads,
             s.mlp_width, s.vocab);
}

std::string part_rows(const PlanInputs& in) {
  int64_t parts = in.config.parts();
  if (parts == 1) return {};
  int64_t count = parameter_count(ModelPart(in.model.spec, 0, parts).spec());
  return row("", "{} processes compute every block together, with {} parameters each", parts,
             format_count(double(count)));
}

std::string memory_item(std::string_view name, double bytes) {
  return bytes >= 1024 ? format("{:12}{:<18}{:>10}\n", "", name, format_bytes(bytes)) : "";
}

// What turning recomputation on or off would make of it.
std::string other_way(const PlanInputs& in) {
  RunConfig other = in.config;
  other.recompute = !other.recompute;
  MemoryPlan plan = plan_memory(other, in.model.spec);
  return row("", "{} {} recomputation (checkpoint_activations)", format_bytes(plan.total()),
             other.recompute ? "with" : "without");
}

std::string memory_rows(const PlanInputs& in) {
  MemoryPlan plan = plan_memory(in.config, in.model.spec);
  std::string out = row("memory", "{}{}{}", format_bytes(plan.total()),
                        processes_of(in) > 1 ? " on the first process" : "",
                        in.config.recompute ? ", recomputing activations" : "");
  out += memory_item("weights", plan.weights) + memory_item("master weights", plan.master) +
         memory_item("gradients", plan.gradients) + memory_item("moments", plan.moments);
  std::vector<std::pair<double, std::string>> kinds;
  for (const auto& [kind, bytes] : plan.activations) kinds.emplace_back(bytes, kind);
  std::ranges::sort(kinds, std::greater{});
  for (const auto& [bytes, kind] : kinds) out += memory_item(kind, bytes);
  out += memory_item("kernels' scratch", plan.scratch) + memory_item("saving", plan.staging) +
         memory_item("program", plan.program);
  return out + other_way(in);
}

double step_tokens(const PlanInputs& in) {
  return double(in.config.batch.global * in.config.shape.seq_length);
}

std::string batch_rows(const PlanInputs& in) {
  const RunConfig& c = in.config;
  double tokens = step_tokens(in), steps = double(c.schedule.train_steps);
  std::string sharers = c.parts() > 1 ? format("groups of {} processes", c.parts()) : "processes";
  std::string times = c.sharers() > 1 ? format("{} {} x ", c.sharers(), sharers) : "";
  return row("step", "{} tokens: {}{} x {} sequences of {}", format_count(tokens), times,
             c.batch.accumulate, c.batch.micro, c.shape.seq_length) +
         row("run", "{} steps, {} tokens", c.schedule.train_steps, format_count(steps * tokens));
}

std::string data_rows(const PlanInputs& in) {
  if (!in.data) return row("data", "not there: no tokens by source, no epochs");
  std::string out, head = "data";
  const RunConfig& c = in.config;
  for (const auto& use : in.data->train.usage(c.schedule.train_steps * c.batch.global)) {
    out += row(head, "{}: {} tokens, {:.2f} epochs", use.prefix, format_count(double(use.tokens)),
               use.epochs);
    head.clear();
  }
  auto held_out = [&](std::string_view name, const auto& stream) {
    if (stream)
      out += row(name, "{} tokens each time",
                 format_count(double(in.data->valid_batches) * step_tokens(in)));
  };
  held_out("validation", in.data->valid);
  held_out("test", in.data->test);
  return out;
}

std::string schedule_rows(const PlanInputs& in) {
  const RunConfig& c = in.config;
  Schedule schedule(c.optimizer.lr, c.schedule);
  int64_t steps = c.schedule.train_steps;
  auto warmup = int64_t(c.schedule.warmup * double(c.schedule.decay_steps));
  std::string begin = warmup > 0
                          ? format("up to {:.3g} at step {}, ", schedule.rate(warmup), warmup)
                          : format("{:.3g} at step 0, ", schedule.rate(0));
  for (int quarter : {1, 2, 3, 4})
    begin += format("{}{:.3g} at {}%", quarter > 1 ? ", " : "",
                    schedule.rate(std::min(steps - 1, steps * quarter / 4)), 25 * quarter);
  return row("rate", "{}: {}", c.schedule.style, begin);
}

fs::path existing_parent(fs::path path) {
  path = fs::absolute(path);
  while (!fs::exists(path) && path.has_relative_path()) path = path.parent_path();
  return path;
}

std::string checkpoint_rows(const PlanInputs& in) {
  const RunConfig& c = in.config;
  bool mixed = c.working_type() != DType::kF32;
  int64_t bytes = bytes_of(c.working_type(), 1) + (mixed ? 3 : 2) * bytes_of(DType::kF32, 1);
  double each = double(bytes * parameter_count(in.model.spec));
  int64_t made =
      c.saving.every > 0 ? (c.schedule.train_steps + c.saving.every - 1) / c.saving.every : 1;
  made += int64_t(c.saving.extra_steps.size());
  int64_t kept = c.saving.keep_last > 0 ? std::min(made, c.saving.keep_last) : made;
  // One more is on the disk while it is written and an older one not yet deleted.
  double need = each * double(kept < made ? kept + 1 : made);
  std::string out = row("checkpoints", "{} of {} kept, {} each, {} in all", kept, made,
                        format_bytes(each), format_bytes(need));
  if (c.saving.save.empty()) return out;
  std::error_code error;
  auto disk = fs::space(existing_parent(c.saving.save), error);
  if (error) return out;
  bool fits = double(disk.available) >= need;
  return out + row("", "{} free where they go{}", format_bytes(double(disk.available)),
                   fits ? "" : ": NOT ENOUGH; set keep_last_n_checkpoints or save elsewhere");
}

std::string time_rows(const PlanInputs& in) {
  double tokens = step_tokens(in), steps = double(in.config.schedule.train_steps);
  double flops = flops_per_token(in.model.spec, in.config.shape.seq_length);
  double causal = causal_flops_per_token(in.model.spec, in.config.shape.seq_length);
  std::string out =
      row("operations", "{:.4g} GFLOP per token, {:.4g} GFLOP counting only visible scores",
          flops / 1e9, causal / 1e9);
  double seconds = 0;
  std::string how;
  if (in.seconds_per_step) {
    seconds = *in.seconds_per_step;
    how = "timed";
  } else if (in.peak_flops > 0) {
    seconds = flops * tokens / (kAssumedShare * in.peak_flops * double(processes_of(in)));
    how = format("at {:.0f}% of the {:.0f} GFLOP/s measured here", 100 * kAssumedShare,
                 in.peak_flops / 1e9);
  }
  if (seconds <= 0) return out;
  double rate = tokens / seconds;
  return out + row("time", "{} per step, {} tokens/s, {} in all ({})", format_duration(seconds),
                   rate < 10 ? format("{:.2g}", rate) : format_count(rate),
                   format_duration(steps * seconds), how);
}

}  // namespace

std::string describe_plan(const PlanInputs& in) {
  return model_rows(in) + part_rows(in) + memory_rows(in) + batch_rows(in) + data_rows(in) +
         schedule_rows(in) + checkpoint_rows(in) + time_rows(in);
}

}  // namespace slm
