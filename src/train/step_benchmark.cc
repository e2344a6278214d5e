#include "train/step_benchmark.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "backend/probe.h"
#include "train/flops.h"
#include "train/initialize.h"
#include "train/metrics.h"
#include "train/model_shape.h"
#include "train/next_token.h"
#include "train/plan.h"
#include "train/trainer.h"
#include "util/memory.h"
#include "util/progress.h"
#include "util/rng.h"

namespace slm {
namespace {

double median(std::vector<double> values) {
  std::ranges::sort(values);
  size_t n = values.size();
  return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

SampleSource noise(int64_t vocab) {
  return [vocab](int64_t index, std::span<int32_t> out) {
    Rng rng{uint64_t(index)};
    for (int32_t& id : out) id = int32_t(rng.next_u32() % uint32_t(vocab));
  };
}

Schedule constant_rate(double rate, int64_t steps) {
  RunConfig::Schedule schedule;
  schedule.style = "constant";
  schedule.train_steps = schedule.decay_steps = steps;
  return Schedule(rate, schedule);
}

struct StepTime {
  double seconds, cpu_seconds;
};

StepTime time_of(const std::function<void()>& step) {
  double cpu_begin = process_cpu_seconds();
  auto begin = std::chrono::steady_clock::now();
  step();
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  return {took.count(), process_cpu_seconds() - cpu_begin};
}

// Waiting after every call for a device that computes on its own would slow it down: its kernels
// are watched in as many steps again. `step` ends when all it asked for is done.
void run_steps(const StepBenchmarkOptions& o, ProfiledBackend& backend,
               const std::function<void()>& step, StepBenchmark& result) {
  bool apart = backend.device() != Device::kHost;
  int64_t timed = o.warmup + o.steps, all = timed + (apart ? o.steps : 0);
  backend.watch(!apart);
  for (int64_t i = 0; i < all; ++i) {
    if (o.progress) o.progress(i, all);
    if (i == o.warmup) backend.reset();
    if (i == timed) backend.watch(true);
    StepTime took = time_of(step);
    if (i >= (apart ? timed : o.warmup)) result.watched_seconds += took.seconds;
    if (i < o.warmup || i >= timed) continue;
    result.seconds.push_back(took.seconds);
    result.cpu_seconds.push_back(took.cpu_seconds);
  }
  if (o.progress) o.progress(all, all);
}

// The steps themselves; everything they need is made and dropped here.
void time_steps(const StepBenchmarkOptions& o, const DecoderSpec& spec, ProfiledBackend& backend,
                StepBenchmark& result) {
  Parameters parameters = initial_parameters(spec, o.config.init, 1);
  parameters.make_trainable(backend, o.config.working_type());
  Decoder decoder(spec, parameters);
  NextToken objective(decoder, noise(spec.vocab), {.seq_length = o.config.shape.seq_length});
  AdamW optimizer(backend, parameters, {.weight_decay = o.config.optimizer.weight_decay});
  Schedule schedule = constant_rate(1e-4, o.warmup + o.steps);
  LossScaler scaler(o.config.loss_scaler);
  bool scaled = o.config.working_type() == DType::kF16;
  Trainer trainer(backend, parameters, objective, optimizer, schedule,
                  {.micro_batch = o.config.batch.micro,
                   .accumulate = o.config.batch.accumulate,
                   .max_grad_norm = o.config.optimizer.max_grad_norm,
                   .recompute = o.config.recompute ? o.config.recompute_layers : 0,
                   .loss_scaler = scaled ? &scaler : nullptr});
  result.parameters = double(parameters.count());
  Tensor done = Tensor::host({1}, DType::kF32);
  auto step = [&] {
    result.final_loss = trainer.step().loss;
    bool apart = backend.device() != Device::kHost;
    if (apart) backend.copy(parameters.grads().slice(0, 1), done);  // waits for the update
  };
  run_steps(o, backend, step, result);
}

}  // namespace

double StepBenchmark::median_seconds() const { return median(seconds); }

// The peak is measured before and after: a machine that is busy for a moment is not a slow one. The
// bandwidth needs much memory and comes last.
StepBenchmark benchmark_steps(const StepBenchmarkOptions& o) {
  check(o.steps > 0, "[bench] {} steps: at least 1 must be timed", o.steps);
  check(o.config.batch.micro > 0 && o.config.batch.accumulate > 0,
        "[bench] micro batch {} and accumulation {} must be positive", o.config.batch.micro,
        o.config.batch.accumulate);
  std::vector<std::string> notes;
  DecoderSpec spec = model_for_training(o.config.shape, o.config.shape.vocab_size, {}, notes).spec;
  auto inner = make_backend(o.backend, o.backend_options);
  ProfiledBackend backend(*inner);
  StepBenchmark result{.device = inner->description()};
  int64_t length = o.config.shape.seq_length;
  result.tokens_per_step = double(o.config.batch.micro * o.config.batch.accumulate * length);
  result.flops_per_token = flops_per_token(spec, length);
  result.causal_flops_per_token = causal_flops_per_token(spec, length);
  MemoryPlan plan = plan_memory(o.config, spec);
  result.planned_bytes = plan.total() - plan.staging;  // nothing is saved
  result.peak_of = products_of_training(*inner, o.config.working_type());
  result.peak_flops = gemm_flops_per_second(*inner, result.peak_of);
  time_steps(o, spec, backend, result);
  result.kernels = backend.accounts();
  result.peak_bytes = double(peak_memory());
  result.peak_flops = std::max(result.peak_flops, gemm_flops_per_second(*inner, result.peak_of));
  result.peak_bandwidth = read_bytes_per_second(*inner);
  return result;
}

namespace {

// One line of the profile: share of the step, and the rates as shares of the limits.
std::string profile_line(const StepBenchmark& r, const KernelAccount& k) {
  double steps = double(r.seconds.size());
  std::string line = format("  {:<20} {:>8.1f} {:>9.1f} {:>6.1f} {:>9.1f}", k.name,
                            double(k.calls) / steps, 1e3 * k.seconds / steps,
                            100 * k.seconds / r.watched_seconds, 1e3 * k.cpu_seconds / steps);
  if (k.seconds <= 0) return line;
  if (k.flops > 0)
    line += format(" {:>9.1f} {:>5.0f} %", k.flops / k.seconds / 1e9,
                   100 * k.flops / k.seconds / r.peak_flops);
  else
    line += format("{:>18}", "");
  return line + format(" {:>8.1f}", k.bytes / k.seconds / 1e9);
}

double kernel_seconds(const StepBenchmark& r) {
  double sum = 0;
  for (const KernelAccount& k : r.kernels) sum += k.seconds;
  return sum;
}

}  // namespace

std::string to_table(const StepBenchmark& r) {
  auto [fastest, slowest] = std::ranges::minmax(r.seconds);
  std::string out = format("device      {}\n", r.device);
  out += format("model       {} parameters\n", format_count(r.parameters));
  out += format("step        {} tokens in {:.3f} s (median of {}; {:.3f} to {:.3f})\n",
                format_count(r.tokens_per_step), r.median_seconds(), r.seconds.size(), fastest,
                slowest);
  out += format("speed       {:.1f} tokens/s, {:.1f} per second of a core\n", r.tokens_per_second(),
                r.tokens_per_step / median(r.cpu_seconds));
  out += format("work        {:.1f} MFLOP per token, {:.1f} without masked attention\n",
                r.flops_per_token / 1e6, r.causal_flops_per_token / 1e6);
  out += format("limits      {:.1f} GFLOP/s {} GEMM, {:.1f} GB/s read, both measured\n",
                r.peak_flops / 1e9, traits(r.peak_of).name, r.peak_bandwidth / 1e9);
  out += format("MFU         {:.1f} % ({:.1f} % without masked attention)\n", 100 * r.utilisation(),
                100 * r.utilisation() * r.causal_flops_per_token / r.flops_per_token);
  out += format("memory      {} at most ({} planned)\n\n", format_bytes(r.peak_bytes),
                format_bytes(r.planned_bytes));
  out += format("  {:<20} {:>8} {:>9} {:>6} {:>9} {:>9} {:>7} {:>8}\n", "kernel", "calls", "ms",
                "%", "CPU ms", "GFLOP/s", "of GEMM", "GB/s");
  for (const KernelAccount& k : r.kernels) out += profile_line(r, k) + "\n";
  double other = r.watched_seconds - kernel_seconds(r);
  out += format("  {:<20} {:>8} {:>9.1f} {:>6.1f}\n", "outside kernels", "",
                1e3 * other / double(r.seconds.size()), 100 * other / r.watched_seconds);
  return out;
}

Json to_json(const StepBenchmark& r) {
  Json kernels = Json::array();
  double steps = double(r.seconds.size());
  for (const KernelAccount& k : r.kernels)
    kernels.push_back({{"name", k.name},
                       {"calls_per_step", double(k.calls) / steps},
                       {"seconds_per_step", k.seconds / steps},
                       {"cpu_seconds_per_step", k.cpu_seconds / steps},
                       {"flops_per_step", k.flops / steps},
                       {"bytes_per_step", k.bytes / steps}});
  return {{"device", r.device},
          {"parameters", r.parameters},
          {"tokens_per_step", r.tokens_per_step},
          {"seconds", r.seconds},
          {"cpu_seconds", r.cpu_seconds},
          {"median_seconds", r.median_seconds()},
          {"tokens_per_second", r.tokens_per_second()},
          {"final_loss", r.final_loss},
          {"flops_per_token", r.flops_per_token},
          {"causal_flops_per_token", r.causal_flops_per_token},
          {"gemm_flops_per_second", r.peak_flops},
          {"peak_is_of", traits(r.peak_of).name},
          {"read_bytes_per_second", r.peak_bandwidth},
          {"mfu", r.utilisation()},
          {"peak_bytes", r.peak_bytes},
          {"planned_bytes", r.planned_bytes},
          {"kernels", kernels}};
}

}  // namespace slm
