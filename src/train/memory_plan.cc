#include "train/memory_plan.h"

#include <numeric>

#include "backend/dry_backend.h"
#include "backend/traced_backend.h"
#include "model/decoder.h"
#include "model/model_part.h"
#include "model/sizes.h"
#include "train/data_parallel.h"
#include "train/next_token.h"

namespace slm {
namespace {

constexpr double kF32 = 4;
constexpr double kProgram = 32 << 20;  // measured: what the program holds before it has a model

// Parameters and gradients that are only address space.
Parameters reserved_parameters(const DecoderSpec& spec, DType working, Backend& memory,
                               Tape& tape) {
  Parameters parameters;
  for (const ParameterSpec& p : parameter_specs(spec)) {
    Tensor value = memory.empty(p.shape, working);
    tape.bind(value, memory.empty(p.shape, DType::kF32));
    parameters.add(p, value);
  }
  return parameters;
}

void trace_micro_batch(const RunConfig& c, const DecoderSpec& spec, TracedBackend& backend) {
  DryBackend elsewhere = make_dry_backend();
  Tape tape(backend);
  Parameters parameters = reserved_parameters(spec, c.working_type(), *elsewhere.backend, tape);
  SumParts sum;
  if (spec.parts > 1) sum = [](const Tensor&) {};
  Decoder decoder(spec, parameters, c.working_type(), sum);
  NextToken objective(decoder, [](int64_t, std::span<int32_t>) {},
                      {.seq_length = c.shape.seq_length});
  Context cx{.backend = backend,
             .tape = &tape,
             .recompute = c.recompute ? c.recompute_layers : 0,
             .dropout = {.rate = c.hidden_dropout, .attention = c.attention_dropout}};
  int64_t together = c.parallel.deterministic ? 1 : c.batch.micro;  // sequences
  Tensor loss = objective.loss(cx, {0, together, 1}, 0);
  backend.name_next("backward pass");
  tape.backward(loss);
}

// Gradient buffers of a process: the deterministic way adds in a tree of them.
double gradient_buffers(const RunConfig& c) {
  if (!c.parallel.deterministic) return 1;
  return 1 + extra_gradient_buffers(c.batch.global / c.sharers(), int(c.sharers()));
}

// Copies of master weights and moments, where they are not whole here or a checkpoint is written in
// the background.
double staging_bytes(const RunConfig& c, double whole, double part, double shards) {
  double copies = 3 * kF32 * (c.saving.background || shards > 1 || c.parts() > 1 ? whole : 0);
  return copies + (shards > 1 && c.parts() > 1 ? 3 * kF32 * part : 0);
}

// While states are added up over the parts: the shares that arrive, and the sum where states have
// another type.
double summing_bytes(const RunConfig& c, const DecoderSpec& spec) {
  double states = double(c.batch.micro * c.shape.seq_length * spec.width);
  double share = double(spec.parts - 1) / double(spec.parts);
  bool mixed = spec.parts > 1 && c.working_type() != DType::kF32;
  return kF32 * states * (share + double(mixed));
}

}  // namespace

double MemoryPlan::computing() const {
  return std::accumulate(activations.begin(), activations.end(), scratch,
                         [](double sum, const auto& kind) { return sum + kind.second; });
}

MemoryPlan plan_memory(const RunConfig& config, const DecoderSpec& whole) {
  DecoderSpec spec = ModelPart(whole, 0, config.parts()).spec();
  auto count = double(parameter_count(spec));
  double shards = config.parallel.zero_stage > 0 ? double(config.sharers()) : 1;
  bool mixed = config.working_type() != DType::kF32;
  MemoryPlan plan{.weights = double(bytes_of(config.working_type(), 1)) * count,
                  .master = mixed ? kF32 * count / shards : 0,
                  .gradients = kF32 * count * gradient_buffers(config),
                  .moments = 2 * kF32 * count / shards,
                  .program = kProgram};
  plan.staging = staging_bytes(config, double(parameter_count(whole)), count, shards);
  DryBackend memory = make_dry_backend();
  TracedBackend backend(*memory.backend);
  trace_micro_batch(config, spec, backend);
  for (const auto& [kind, bytes] : backend.most_by_kind())
    plan.activations[std::string(kind)] = double(bytes);
  plan.activations["sums over parts"] = summing_bytes(config, spec);
  plan.scratch = double(memory.most_bytes() - backend.most_bytes());
  return plan;
}

}  // namespace slm
