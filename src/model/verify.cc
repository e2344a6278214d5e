#include "model/verify.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "format/safetensors.h"
#include "model/token_rows.h"
#include "util/error.h"

namespace slm {
namespace {

constexpr double kUnit = 0x1p-23;
constexpr double kActivation = 64, kLoss = 16, kGradient = 128, kTrainingLoss = 64;
constexpr double kParameter = 0.03;  // of the learning rate
constexpr int64_t kMaxExpectedJson = int64_t{1} << 24;

// One row for each thing compared.
class Report {
 public:
  std::vector<VerifyRow> rows;

  explicit Report(Backend& backend) : backend_(backend) {}

  // Within c units of the largest expected value.
  void compare(const std::string& name, const Tensor& expected, const Tensor& found, double c) {
    compare_within(name, expected, found, c * kUnit * largest(expected));
  }

  void compare_within(const std::string& name, const Tensor& expected, const Tensor& computed,
                      double bound) {
    Tensor found = to_host(backend_, computed);
    check_data(expected.elements() == found.elements(),
               "expected \"{}\" has shape {}, this model computes {}", name,
               expected.shape().to_string(), found.shape().to_string());
    auto a = expected.span<const float>(), b = found.span<const float>();
    double worst = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      double error = std::abs(double(a[i]) - double(b[i]));
      if (!(error <= worst))
        worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
    }
    rows.push_back({name, worst, bound});
  }

  void compare(const std::string& name, double expected, double found, double c) {
    rows.push_back({name, std::abs(expected - found), c * kUnit * std::abs(expected)});
  }

  void compare(const std::string& name, const TokenRows& expected, const TokenRows& found) {
    int64_t wrong = 0;
    for (size_t r = 0; r < expected.size(); ++r)
      for (size_t t = 0; t < expected[r].size(); ++t) wrong += expected[r][t] != found[r][t];
    rows.push_back({name, double(wrong), 0});
  }

 private:
  static double largest(const Tensor& t) {
    double most = 0;
    for (float x : t.span<const float>()) most = std::max(most, std::abs(double(x)));
    return most;
  }

  Backend& backend_;
};

Tensor targets_for_mean(const TokenRows& labels, HeadLossSpec& spec) {
  Tensor targets = next_token_targets(labels);
  auto ids = targets.span<const int32_t>();
  spec.divisor = float(std::count_if(ids.begin(), ids.end(), [](int32_t id) { return id >= 0; }));
  check_data(spec.divisor > 0, "[verify] a batch without targets");
  return targets;
}

// The mean loss over a batch; on the context's tape if there is one.
Tensor mean_loss(Context& cx, const Decoder& decoder, const TokenRows& ids,
                 const TokenRows& labels) {
  HeadLossSpec spec;
  Tensor targets = targets_for_mean(labels, spec);
  Tensor hidden = decoder.hidden(cx, TokenBatch::pack(ids));
  return decoder.loss(cx, hidden, targets, spec);
}

int32_t best(Backend& backend, const Tensor& logits) {  // of the last row
  Tensor last = to_host(backend, logits.rows(logits.dim(0) - 1, logits.dim(0)));
  auto row = last.span<const float>();
  return int32_t(std::max_element(row.begin(), row.end()) - row.begin());
}

struct OptimizerRule {
  double lr, beta1, beta2, eps, clip, weight_decay;
  explicit OptimizerRule(const JsonObject& o)
      : lr(o.number("lr")),
        eps(o.number("eps")),
        clip(o.number("clip_norm")),
        weight_decay(o.number("weight_decay_2d")) {
    const Json& betas = o.at("betas");
    check_data(
        betas.is_array() && betas.size() == 2 && betas[0].is_number() && betas[1].is_number(),
        "{}: key \"betas\" must be two numbers", o.origin());
    beta1 = betas[0], beta2 = betas[1];
  }
};

// A copy of a model that learns.
class Learner {
 public:
  Learner(const Model& model, Backend& backend)
      : backend_(backend),
        parameters_(trainable(model.parameters, backend)),
        decoder_(model.config.spec, parameters_),
        m_(backend.empty({parameters_.count()}, DType::kF32)),
        v_(backend.empty({parameters_.count()}, DType::kF32)) {
    backend.zero(m_);
    backend.zero(v_);
  }

  const Parameters& parameters() const { return parameters_; }
  const Decoder& decoder() const { return decoder_; }
  double gradient_norm() const { return std::sqrt(backend_.sum_squares(parameters_.grads())); }

  double gradients(const TokenRows& ids, const TokenRows& labels) {
    backend_.zero(parameters_.grads());
    Tape tape(backend_);
    parameters_.bind(tape);
    Context cx{backend_, &tape};
    Tensor loss = mean_loss(cx, decoder_, ids, labels);
    tape.backward(loss);
    return *loss.data<const float>();
  }

  void update(const OptimizerRule& rule, int64_t step) {
    float scale = float(std::min(1.0, rule.clip / (gradient_norm() + 1e-6)));
    int64_t at = 0;
    for (const Parameter& p : parameters_.items()) {
      int64_t n = p.value.elements(), end = at + n;
      bool decays =
          p.spec.role != ParameterRole::kNormWeight && p.spec.role != ParameterRole::kBias;
      backend_.adamw({.value = p.value.reshape({n}),
                      .grad = p.grad.reshape({n}),
                      .m = m_.slice(at, end),
                      .v = v_.slice(at, end),
                      .lr = rule.lr,
                      .beta1 = rule.beta1,
                      .beta2 = rule.beta2,
                      .eps = rule.eps,
                      .weight_decay = decays ? rule.weight_decay : 0,
                      .step = step,
                      .grad_scale = scale});
      at = end;
    }
  }

 private:
  static Parameters trainable(Parameters parameters, Backend& backend) {
    parameters.make_trainable(backend);
    return parameters;
  }

  Backend& backend_;
  Parameters parameters_;
  Decoder decoder_;
  Tensor m_, v_;
};

class Verification {
 public:
  Verification(const Model& model, Backend& backend, const std::filesystem::path& dir)
      : model_(model),
        backend_(backend),
        decoder_(model.decoder()),
        report_(backend),
        files_(open_safetensors(dir / "expected.safetensors")),
        json_(read_json_file(dir / "expected.json", kMaxExpectedJson)),
        scalars_(json_, (dir / "expected.json").string()) {}

  std::vector<VerifyRow> run() {
    refuse_unknown_names();
    counts();
    forward();
    losses();
    generation();
    gradients();
    training();
    return std::move(report_.rows);
  }

 private:
  bool has(const std::string& name) const { return files_.find(name); }
  bool has_any(std::string_view prefix) const {
    auto starts = [&](const TensorEntry& e) { return e.name.starts_with(prefix); };
    return std::any_of(files_.entries().begin(), files_.entries().end(), starts);
  }
  TokenRows ids(const std::string& name) const { return token_rows(files_.load(name)); }
  TokenRows ids(const std::string& name, int64_t batch) const {
    Tensor all = files_.load(name);
    check_data(all.shape().rank() == 3, "expected \"{}\" must be [steps, rows, tokens]", name);
    return token_rows(all.rows(batch, batch + 1).reshape({all.dim(1), all.dim(2)}));
  }
  void compare(const std::string& name, const Tensor& found, double c) {
    if (has(name)) report_.compare(name, to_dtype(files_.load(name), DType::kF32), found, c);
  }
  void compare_scalar(const std::string& name, double found, double c) {
    if (scalars_.has(name)) report_.compare(name, scalars_.number(name), found, c);
  }

  void refuse_unknown_names() const;
  void counts();
  void forward();
  void losses();
  void generation();
  TokenRows greedy(const TokenRows& prompts, size_t length, bool cached) const;
  void gradients();
  void training();
  void compare_parameters(const std::string& prefix, const Learner& learner,
                          const std::function<Tensor(const Parameter&)>& pick, double c,
                          double absolute);

  const Model& model_;
  Backend& backend_;
  Decoder decoder_;
  Report report_;
  TensorFiles files_;
  Json json_;
  JsonObject scalars_;
};

void Verification::refuse_unknown_names() const {
  static constexpr std::string_view kNames[] = {"input_ids", "labels",          "final_norm",
                                                "logits",    "token_logprobs",  "gen_prompt",
                                                "gen_ids",   "train_input_ids", "train_labels"};
  static constexpr std::string_view kPrefixes[] = {"grad.", "final."};
  for (const TensorEntry& entry : files_.entries()) {
    const std::string& name = entry.name;
    bool known = std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
    for (std::string_view prefix : kPrefixes) known = known || name.starts_with(prefix);
    for (int64_t i = 0; i <= model_.config.spec.layers; ++i)
      known = known || name == format("hidden.{}", i);
    check_data(known, "{}: expected.safetensors holds \"{}\", which this program does not compute",
               scalars_.origin(), name);
  }
}

void Verification::counts() {
  compare_scalar("num_params", double(model_.parameters.count()), 0);
  compare_scalar("num_layers", double(model_.config.spec.layers), 0);
}

void Verification::forward() {
  TokenRows input = ids("input_ids");
  Context cx{backend_};
  std::vector<Tensor> trace;
  Tensor hidden = decoder_.hidden(cx, TokenBatch::pack(input), nullptr, &trace);
  for (size_t i = 0; i < trace.size(); ++i) compare(format("hidden.{}", i), trace[i], kActivation);
  compare("final_norm", hidden, kActivation);
  Tensor logits = decoder_.logits(cx, hidden);
  compare("logits", logits, kActivation);
  if (!has("token_logprobs")) return;

  Tensor targets = next_token_targets(input),
         token_losses = backend_.empty(targets.shape(), DType::kF32);
  backend_.cross_entropy({.logits = logits, .targets = targets, .losses = token_losses});
  token_losses = to_host(backend_, token_losses);
  std::vector<float> logprobs;
  for (int64_t i = 0; i < targets.elements(); ++i)
    if (targets.data<int32_t>()[i] >= 0) logprobs.push_back(-token_losses.data<float>()[i]);
  compare("token_logprobs", Tensor::of(logprobs, {int64_t(logprobs.size())}), kActivation);
}

void Verification::losses() {
  Context cx{backend_};
  TokenRows input = ids("input_ids");
  auto loss = [&](const TokenRows& labels) {
    return double(*mean_loss(cx, decoder_, input, labels).data<const float>());
  };
  if (scalars_.has("loss")) compare_scalar("loss", loss(ids("labels")), kLoss);
  if (scalars_.has("loss_all_positions")) compare_scalar("loss_all_positions", loss(input), kLoss);
}

void Verification::generation() {
  if (!has("gen_prompt") || !has("gen_ids")) return;
  TokenRows prompts = ids("gen_prompt"), expected = ids("gen_ids");
  check_data(prompts.size() == expected.size() && !prompts.empty(),
             "expected \"gen_prompt\" and \"gen_ids\" must have the same number of rows");
  size_t length = expected[0].size();
  report_.compare("gen_ids, with cache", expected, greedy(prompts, length, true));
  report_.compare("gen_ids, without", expected, greedy(prompts, length, false));
}

TokenRows Verification::greedy(const TokenRows& prompts, size_t length, bool cached) const {
  Context cx{backend_};
  TokenRows rows = prompts;
  KvCache cache(backend_, decoder_.spec(), int64_t(rows.size()), int64_t(length), DType::kF32,
                decoder_.placement());
  for (size_t r = 0; r < rows.size(); ++r)
    while (rows[r].size() < length) {
      // Where the rotation depends on the length, tokens are cached only as long as it stays.
      int64_t slot = int64_t(r), length_now = int64_t(rows[r].size());
      size_t past = cached ? size_t(cache.start(slot, cache.length(slot), length_now)) : 0;
      auto fresh = std::span(rows[r]).subspan(past);
      TokenBatch batch = TokenBatch::next(fresh, int64_t(past), slot);
      Tensor hidden = decoder_.hidden(cx, batch, cached ? &cache : nullptr);
      rows[r].push_back(best(backend_, decoder_.logits(cx, hidden)));
    }
  return rows;
}

void Verification::compare_parameters(const std::string& prefix, const Learner& learner,
                                      const std::function<Tensor(const Parameter&)>& pick, double c,
                                      double absolute) {
  std::map<std::string, Tensor> found;
  for (const TensorSource& t :
       published_tensors(model_.config, learner.parameters(), DType::kF32, pick))
    found.emplace(prefix + t.name, t.load());
  for (const TensorEntry& entry : files_.entries()) {
    if (!entry.name.starts_with(prefix)) continue;
    auto it = found.find(entry.name);
    check_data(it != found.end(), "expected \"{}\": the model has no such parameter", entry.name);
    Tensor expected = to_dtype(files_.load(entry.name), DType::kF32);
    if (c > 0)
      report_.compare(entry.name, expected, it->second, c);
    else
      report_.compare_within(entry.name, expected, it->second, absolute);
  }
}

void Verification::gradients() {
  if (!has_any("grad.") && !scalars_.has("grad_norm")) return;
  Learner learner(model_, backend_);
  learner.gradients(ids("input_ids"), ids("labels"));
  compare_scalar("grad_norm", learner.gradient_norm(), kGradient);
  compare_parameters(
      "grad.", learner, [this](const Parameter& p) { return to_host(backend_, p.grad); }, kGradient,
      0);
}

void Verification::training() {
  if (!has("train_input_ids")) return;
  OptimizerRule rule(JsonObject(scalars_.at("optim"), scalars_.origin()));
  const Json &losses = scalars_.at("train_losses"), &norms = scalars_.at("train_grad_norms");
  int64_t steps = files_.find("train_input_ids")->shape[0];
  check_data(int64_t(losses.size()) == steps + 1 && int64_t(norms.size()) == steps,
             "{}: {} steps, {} losses and {} norms", scalars_.origin(), steps, losses.size(),
             norms.size());
  Learner learner(model_, backend_);
  for (int64_t i = 0; i < steps; ++i) {
    double loss = learner.gradients(ids("train_input_ids", i), ids("train_labels", i));
    report_.compare(format("train_losses.{}", i), losses[size_t(i)].get<double>(), loss,
                    kTrainingLoss);
    report_.compare(format("train_grad_norms.{}", i), norms[size_t(i)].get<double>(),
                    learner.gradient_norm(), kGradient);
    learner.update(rule, i + 1);
  }
  Context cx{backend_};
  Tensor last = mean_loss(cx, learner.decoder(), ids("train_input_ids", 0), ids("train_labels", 0));
  report_.compare(format("train_losses.{}", steps), losses[size_t(steps)].get<double>(),
                  *last.data<const float>(), kTrainingLoss);
  compare_parameters(
      "final.", learner, [this](const Parameter& p) { return to_host(backend_, p.value); }, 0,
      kParameter * rule.lr);
}

}  // namespace

std::vector<VerifyRow> verify(const Model& model, Backend& backend,
                              const std::filesystem::path& expected_dir) {
  return Verification(model, backend, expected_dir).run();
}

}  // namespace slm
