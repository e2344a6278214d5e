// stablelm init: a randomly initialised model of any shape, in any format.
#include <fmt/core.h>

#include <chrono>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/resolve_model.h"
#include "model/published_configs.h"
#include "model/quantization/mix.h"
#include "model/sizes.h"
#include "train/model_shape.h"
#include "train/new_model.h"
#include "train/vocabulary.h"
#include "util/error.h"
#include "util/progress.h"

namespace slm {
namespace {

constexpr const char* kFooter =
    "CONFIG is the name of a published model (stablelm-base-alpha-3b, stablelm-base-alpha-7b,\n"
    "stablelm-base-alpha-3b-v2, stablelm-base-alpha-7b-v2, stablelm-3b-4e1t, stable-code-3b,\n"
    "stablelm-2-1_6b, stablelm-2-12b), a config.json, a model, or a run configuration (.yml). OUT\n"
    "becomes a model directory, or a .gguf file when its name ends so. The model says nothing of\n"
    "sense: it is there to be measured or trained. It need not fit in memory.\n"
    "Examples:\n"
    "  stablelm init stablelm-3b-4e1t 3b.gguf --dtype q4_k_m\n"
    "  stablelm init my-config.json my-model --dtype bf16 --tokenizer tokenizer.json";

constexpr int64_t kVocabulary = 50304;  // of a run configuration that does not say

struct InitFlags {
  std::string config, target, tokenizer, dtype = "bf16";
  uint64_t seed = 1;
  int threads = 0;
};

bool is_run_config(const std::filesystem::path& path) {
  return path.extension() == ".yml" || path.extension() == ".yaml";
}

NewModel from_run_config(const std::string& path, const std::string& tokenizer) {
  RunConfig config = read_run_config({read_config_source(path)});
  if (!tokenizer.empty()) config.data.tokenizer = tokenizer;
  if (config.shape.vocab_size == 0 && tokenizer.empty()) {
    fmt::print(stderr,
               "note: the vocabulary is taken to be {}; --tokenizer or vocab_size says "
               "another\n",
               kVocabulary);
    config.shape.vocab_size = kVocabulary;
  }
  Vocabulary vocabulary = open_vocabulary(config, true);
  std::vector<std::string> notes;
  NewModel model{
      .config = model_for_training(config.shape, vocabulary.tokens, vocabulary.special, notes),
      .init = config.init};
  for (const std::string& note : notes) fmt::print(stderr, "note: {}\n", note);
  return model;
}

NewModel model_of(const InitFlags& flags) {
  NewModel model;
  if (is_run_config(flags.config)) {
    model = from_run_config(flags.config, flags.tokenizer);
  } else {
    bool word = flags.config.find('/') == std::string::npos;
    bool named = word && !std::filesystem::exists(flags.config);
    model.config =
        named ? published_config(flags.config) : read_model_config(resolve_model(flags.config));
    model.init = init_of(model.config);
  }
  model.seed = flags.seed;
  model.tokenizer = flags.tokenizer;
  return model;
}

void init(const InitFlags& flags) {
  std::filesystem::path target = flags.target;
  check(!std::filesystem::exists(target / "config.json"),
        "{}: a model is there already; choose another place or remove it", flags.target);
  NewModel model = model_of(flags);
  ThreadPool pool(flags.threads);
  auto begin = std::chrono::steady_clock::now();
  std::optional<Progress> progress;  // from when the total is known
  write_new_model(target, model, flags.dtype, pool, [&](int64_t done, int64_t total) {
    if (!progress)
      progress.emplace(ProgressOptions{.label = "writing", .unit = "bytes", .total = total});
    progress->update(done);
  });
  progress.reset();
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  fmt::print("{}: {} parameters in {}, seed {}; {}\n", flags.target,
             parameter_count(model.config.spec), flags.dtype, flags.seed,
             format_duration(took.count()));
}

}  // namespace

void add_init_command(CLI::App& app) {
  auto flags = std::make_shared<InitFlags>();
  CLI::App* command = app.add_subcommand("init", "Write a randomly initialised model of any shape");
  command->add_option("config", flags->config, "What shape it has")
      ->required()
      ->type_name("CONFIG");
  command->add_option("target", flags->target, "Model directory or .gguf file to write")
      ->required()
      ->type_name("OUT");
  command
      ->add_option("--dtype", flags->dtype,
                   "f32, bf16 or f16; in a .gguf file also " + quantization_mix_names())
      ->capture_default_str();
  command->add_option("--seed", flags->seed, "The same seed gives the same numbers")
      ->capture_default_str();
  command
      ->add_option("--tokenizer", flags->tokenizer,
                   "A tokenizer that goes with it: a file, or the model it comes with")
      ->type_name("FILE");
  command->add_option("--threads", flags->threads, "Threads; 0: one per core this process may use")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command->footer(kFooter);
  command->callback([flags] { init(*flags); });
}

}  // namespace slm
