#include "train/restart.h"

#include <array>

#include "train/checkpoint_manifest.h"
#include "train/finite_weights.h"
#include "util/error.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

void check_same_shape(const DecoderSpec& wanted, const DecoderSpec& found, bool any_length,
                      const fs::path& where) {
  struct Axis {
    std::string_view key;
    int64_t wanted, found;
  };
  const std::array axes{
      Axis{"num_layers", wanted.layers, found.layers},
      Axis{"hidden_size", wanted.width, found.width},
      Axis{"num_attention_heads", wanted.heads, found.heads},
      Axis{"num_kv_heads", wanted.kv_heads, found.kv_heads},
      Axis{"MLP width", wanted.mlp_width, found.mlp_width},
      Axis{"padded vocabulary", wanted.vocab, found.vocab},
      Axis{"max_position_embeddings", any_length ? 0 : wanted.max_positions,
           any_length ? 0 : found.max_positions},
  };
  for (const Axis& axis : axes)
    check(axis.wanted == axis.found, "{}: {} is {}, the run configuration says {}", where.string(),
          axis.key, axis.found, axis.wanted);
  DecoderSpec same_length = found;
  same_length.max_positions = wanted.max_positions;
  if (any_length) same_length.rope.scale = wanted.rope.scale;
  check(same_length == wanted,
        "{}: norms, positions, biases or residual are not those of the run configuration",
        where.string());
}

Parameters load_parameters(const fs::path& directory, const RunConfig& config,
                           const ModelConfig& wanted) {
  Model model = load_model(directory);
  check_finite(open_weights(directory), directory.string());
  check_same_shape(wanted.spec, model.config.spec, config.saving.skip_shape_check, directory);
  return std::move(model.parameters);
}

// The first good one. A checkpoint of another shape is an error, not a reason to look further.
std::optional<Restart> first_good(const std::vector<fs::path>& candidates, const RunConfig& config,
                                  const ModelConfig& wanted, const Say& say) {
  for (const fs::path& checkpoint : candidates) {
    try {
      verify_checkpoint(checkpoint);
    } catch (const Error& e) {
      say(format("checkpoint {} is broken ({}); trying the one before it", checkpoint.string(),
                 e.what()));
      continue;
    }
    return Restart{checkpoint, load_parameters(checkpoint, config, wanted),
                   read_trainer_state(checkpoint)};
  }
  return {};
}

std::optional<Restart> load_given(const RunConfig& config, const ModelConfig& wanted,
                                  const Say& say) {
  fs::path load = config.saving.load;
  if (fs::exists(load / "config.json")) {
    say(format("starting from the weights of {}", load.string()));
    return Restart{load, load_parameters(load, config, wanted), {}};
  }
  CheckpointStore store(load);
  std::vector<fs::path> candidates = config.saving.load_step
                                         ? std::vector{store.path_of(*config.saving.load_step)}
                                         : store.candidates();
  std::optional<Restart> found = first_good(candidates, config, wanted, say);
  if (!found)
    fail(ErrorKind::kNotFound,
         "{}: key \"load\" expects a model or checkpoints here, none was usable", load.string());
  if (config.saving.finetune) found->state.reset();
  return found;
}

constexpr std::array<std::string_view, 11> kScheduleKeys{"optimizer.params.lr",
                                                         "min_lr",
                                                         "lr_decay_style",
                                                         "lr_decay_iters",
                                                         "warmup",
                                                         "cooldown",
                                                         "cooldown_start",
                                                         "cooldown_steps",
                                                         "cooldown_final_lr",
                                                         "hybrid_total_steps",
                                                         "hybrid_switch_fraction"};

}  // namespace

std::optional<Restart> find_restart(const RunConfig& config, const ModelConfig& wanted, bool resume,
                                    const Say& say) {
  if (resume) {
    CheckpointStore store(config.saving.save);
    if (auto found = first_good(store.candidates(), config, wanted, say)) return found;
  }
  if (!config.saving.load.empty()) return load_given(config, wanted, say);
  return {};
}

Json schedule_state(const RunConfig& config) { return config_values(config, kScheduleKeys); }

void reconcile_schedule(RunConfig& config, const Json& kept) {
  Json current = schedule_state(config);
  if (kept == current || config.schedule.override_checkpoint_schedule) return;
  check_data(kept.is_object(), "[resume] the checkpoint's schedule is not an object");
  for (const auto& [key, value] : current.items()) {
    if (!kept.contains(key) || kept[key] == value) continue;
    check(
        config.schedule.keep_checkpoint_schedule && kept[key].is_string(),
        "[resume] {} is {}, the checkpoint was made with {}: set override_lr_scheduler to use the "
        "new value, use_checkpoint_lr_scheduler to keep the old one",
        key, value.get<std::string>(), kept[key].dump());
    set_config_value(config, key, kept[key].get<std::string>(), "checkpoint");
  }
}

}  // namespace slm
