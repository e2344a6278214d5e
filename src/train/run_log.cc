#include "train/run_log.h"

#include <numeric>

#include "model/spec.h"
#include "train/config_key.h"
#include "train/curriculum.h"
#include "util/files.h"
#include "util/memory.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

constexpr int kRunFileVersion = 1;

int64_t step_tokens(const RunConfig& c) { return c.batch.global * c.shape.seq_length; }

int64_t all_tokens(const RunConfig& c) {
  if (!c.curriculum.enabled) return c.schedule.train_steps * step_tokens(c);
  Curriculum curriculum(c.curriculum, c.shape.seq_length);
  int64_t sample = 0;
  for (int64_t step = 0; step < c.schedule.train_steps; ++step) sample += curriculum.length(step);
  return c.batch.global * sample;
}

Json all_values(const RunConfig& config) {
  std::vector<std::string_view> names;
  for (const ConfigKey& key : config_keys()) names.push_back(key.name);
  Json values = Json::object();
  for (const auto& [key, value] : config_values(config, names))
    if (!value.empty()) values[key] = value;
  return values;
}

// Working at the model: everything but what is between steps, and saving.
double working_seconds(const PhaseSeconds& seconds) {
  double all = std::accumulate(seconds.begin(), seconds.end(), 0.0);
  return all - seconds[size_t(Phase::kOther)] - seconds[size_t(Phase::kSave)];
}

Json phases_json(const PhaseSeconds& seconds) {
  Json out = Json::object();
  for (size_t i = 1; i < seconds.size(); ++i) out[std::string(kPhaseNames[i])] = seconds[i];
  return out;
}

std::string phases_text(const PhaseSeconds& seconds) {
  std::string out = "  seconds per step:";
  for (size_t i = 1; i < seconds.size(); ++i)
    out += format(" {} {:.3f}", kPhaseNames[i], seconds[i]);
  return out;
}

std::string share_text(double share) {
  return share > 0 ? format(" | {:.1f}% of peak", 100 * share) : "";
}

}  // namespace

fs::path tensorboard_directory(const RunConfig& config) {
  const std::string& given = config.watching.tensorboard;
  if (given == "none") return {};
  return given.empty() ? fs::path(config.saving.save) / "tensorboard" : fs::path(given);
}

void write_run_file(const RunConfig& c, const DecoderSpec& spec, const RunFacts& facts) {
  fs::path directory = fs::absolute(c.saving.save).lexically_normal();
  if (!directory.has_filename()) directory = directory.parent_path();
  Json run{{"version", kRunFileVersion},
           {"name", c.watching.name.empty() ? directory.filename().string() : c.watching.name},
           {"machine", facts.machine},
           {"processes", facts.processes},
           {"peak_flops", facts.peak_flops},
           {"flops_per_token", facts.flops_per_token},
           {"flops_per_token_causal", facts.causal_flops_per_token},
           {"parameters", facts.parameters},
           {"layers", spec.layers},
           {"width", spec.width},
           {"heads", spec.heads},
           {"mlp_width", spec.mlp_width},
           {"vocabulary", spec.vocab},
           {"seq_length", c.shape.seq_length},
           {"precision", c.precision},
           {"step_tokens", step_tokens(c)},
           {"total_steps", c.schedule.train_steps},
           {"config", all_values(c)}};
  write_file_atomically(fs::path(c.saving.save) / "run.json", run.dump(1) + "\n");
}

RunLog::RunLog(const RunConfig& config, const RunFacts& facts, int64_t resumed_step,
               int64_t resumed_tokens, const PhaseClock& clock)
    : config_(config),
      facts_(facts),
      clock_(clock),
      nowhere_(facts.quiet ? std::fopen("/dev/null", "we") : nullptr,
               [](std::FILE* file) { return file ? std::fclose(file) : 0; }),
      metrics_(facts.quiet ? fs::path{} : fs::path(config.saving.save) / "metrics.jsonl",
               resumed_step),
      progress_({.label = "training",
                 .total = all_tokens(config),
                 .start = resumed_tokens,
                 .plain_seconds = 0,
                 .stream = nowhere_ ? nowhere_.get() : stderr}),
      reported_phases_(clock.seconds()),
      reported_tokens_(resumed_tokens),
      reported_step_(resumed_step) {
  fs::path directory = tensorboard_directory(config);
  if (!directory.empty() && !facts.quiet) events_.emplace(directory, resumed_step);
}

void RunLog::step(const StepReport& r, int64_t tokens) {
  Speed speed = speed_since_report(r.step, tokens);
  std::string line = format("step {}/{} | loss {:.4f} | lr {:.2e} | grad norm {} | {} tok/s{}",
                            r.step, config_.schedule.train_steps, r.loss, r.lr,
                            r.overflow ? "overflow" : format("{:.2f}", r.grad_norm),
                            format_count(speed.tokens_per_second), share_text(speed.share));
  progress_.update(tokens, line);
  bool last = r.step == config_.schedule.train_steps;
  if (!last && r.step % config_.watching.log_every != 0) return;
  write_step(r, tokens, speed);
  if (std::string problem = metrics_.take_problem(); !problem.empty()) progress_.print(problem);
  if (!progress_.terminal())
    progress_.print(format("{} | ETA {}", line, format_duration(progress_.seconds_left())));
  if (config_.watching.time_phases) progress_.print(phases_text(speed.phases));
  reported_phases_ = clock_.seconds();
  reported_tokens_ = tokens;
  reported_step_ = r.step;
}

RunLog::Speed RunLog::speed_since_report(int64_t step, int64_t tokens) const {
  Speed speed{.phases = clock_.seconds()};
  for (size_t i = 0; i < speed.phases.size(); ++i) speed.phases[i] -= reported_phases_[i];
  double seconds = working_seconds(speed.phases);
  if (seconds > 0) speed.tokens_per_second = double(tokens - reported_tokens_) / seconds;
  if (facts_.peak_flops > 0)
    speed.share = speed.tokens_per_second * facts_.flops_per_token / facts_.peak_flops;
  double steps = double(step - reported_step_);
  for (double& s : speed.phases) s = steps > 0 ? s / steps : 0;
  return speed;
}

void RunLog::write_step(const StepReport& r, int64_t tokens, const Speed& speed) {
  Json line{{"step", r.step},   {"loss", r.loss},
            {"lr", r.lr},       {"grad_norm", r.grad_norm},
            {"tokens", tokens}, {"tokens_per_second", speed.tokens_per_second}};
  std::vector<Scalar> scalars{{"train/loss", r.loss},
                              {"train/lr", r.lr},
                              {"train/grad_norm", r.grad_norm},
                              {"speed/tokens_per_second", speed.tokens_per_second},
                              {"data/tokens", double(tokens)}};
  if (speed.share > 0) {
    line["mfu"] = speed.share;
    scalars.push_back({"speed/mfu", speed.share});
  }
  if (r.skipped) line["skipped"] = true;
  line["seconds"] = progress_.seconds();
  line["phases"] = phases_json(speed.phases);
  line["memory_bytes"] = peak_memory();
  metrics_.write("step", std::move(line));
  if (events_) events_->write(r.step, scalars);
}

void RunLog::loss(std::string_view kind, int64_t step, double loss, int64_t tokens) {
  metrics_.write(kind, {{"step", step}, {"loss", loss}, {"tokens", tokens}});
  std::string tag = format("{}/loss", kind);
  if (events_) events_->write(step, std::vector<Scalar>{{tag, loss}});
  std::string_view name = kind == "valid" ? "validation" : kind;
  progress_.print(format("step {} | {} loss {:.4f}", step, name, loss));
}

void RunLog::results(int64_t step, const Results& results, int64_t tokens) {
  if (results.tasks.empty()) return;  // stopped on the way
  Json values = Json::object();
  for (const TaskResult& task : results.tasks)
    for (const auto& [metric, value] : task.values) {
      values[task.name][metric] = value;
      std::string tag = format("eval/{}/{}", task.name, metric);
      if (events_) events_->write(step, std::vector<Scalar>{{tag, value}});
    }
  metrics_.write("eval", {{"step", step}, {"tokens", tokens}, {"results", values}});
  for (const TaskResult& task : results.tasks) {
    std::string line = format("step {} | {}", step, task.name);
    for (const std::string& metric : task.metrics())
      line += format(" {} {:.4f}", metric, *task.value(metric));
    progress_.print(line);
  }
}

void RunLog::sources(int64_t step, int64_t tokens, const std::vector<SampleStream::Usage>& usage) {
  Json list = Json::array();
  for (const auto& use : usage)
    list.push_back({{"source", use.prefix}, {"tokens", use.tokens}, {"epochs", use.epochs}});
  metrics_.write("sources", {{"step", step}, {"tokens", tokens}, {"sources", list}});
}

void RunLog::saved(int64_t step, const fs::path& checkpoint, double seconds) {
  metrics_.write(
      "save",
      {{"step", step}, {"checkpoint", checkpoint.filename().string()}, {"seconds", seconds}});
}

void RunLog::fault(int64_t step, std::string_view what, Json more) {
  Json line{{"step", step}, {"what", what}};
  line.update(more);
  metrics_.write("fault", std::move(line));
  progress_.print(format("step {} | {}", step, what));
}

void RunLog::note(int64_t step, std::string_view what) {
  metrics_.write("note", {{"step", step}, {"what", what}});
}

}  // namespace slm
