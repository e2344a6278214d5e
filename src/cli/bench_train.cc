// stablelm bench train: optimiser steps of a run configuration, or of a StableLM of some size.
#include <cstdio>
#include <memory>
#include <optional>

#include "cli/bench_commands.h"
#include "cli/model_options.h"
#include "train/step_benchmark.h"
#include "util/error.h"
#include "util/progress.h"

namespace slm {
namespace {

// A 3B-4E1T in small: what is measured when no configuration is given.
constexpr const char* kDefaultConfig = R"({
  "num_layers": 8, "hidden_size": 512, "num_attention_heads": 8,
  "seq_length": 1024, "max_position_embeddings": 1024, "vocab_size": 50304,
  "norm": "layernorm", "pos_emb": "rotary", "rotary_pct": 0.25,
  "mlp_type": "gated", "mlp_multiple_of": 256, "activation": "silu", "no_weight_tying": true,
  "use_bias_in_attn_linear": false, "use_bias_in_mlp": false,
  "train_micro_batch_size_per_gpu": 4, "train_iters": 1
})";
constexpr int64_t kHeadSize = 64, kVocabulary = 50304;

constexpr const char* kFooter =
    "Without CONFIG.yml: a StableLM of 3B-4E1T's layout (hidden 512, 8 layers, heads of 64, gated\n"
    "MLP of 8/3 hidden, vocabulary 50304, 4 sequences of 1024). Tokens are random.\n"
    "MFU: model FLOPs, 6 (N - N_e) + 12 L h S per token, over the GEMM rate measured here: in\n"
    "f32 on the CPU, in the working precision on a GPU.\n"
    "Examples:\n"
    "  stablelm bench train --hidden 768 --layers 12\n"
    "  stablelm bench train stablelm-3b-4e1t.yml --layers 2 --micro-batch 1 --format json";

struct BenchTrainFlags {
  std::vector<std::string> configs, overrides;
  std::optional<int64_t> hidden, layers, heads, mlp, vocab, sequence, micro_batch, accumulate;
  std::string precision, output = "table";
  bool recompute = false;
  StepBenchmarkOptions options;
};

// The flags that stand for keys, as overrides; --set comes after them and wins.
std::vector<std::string> overrides_of(const BenchTrainFlags& f) {
  std::vector<std::string> list;
  auto add = [&](const char* key, const auto& value) {
    if (value) list.push_back(format("{}={}", key, *value));
  };
  add("hidden_size", f.hidden);
  add("num_layers", f.layers);
  if (f.layers) list.push_back(format("attention_config=[[[\"global\"], {}]]", *f.layers));
  if (f.hidden && !f.heads && f.configs.empty())
    list.push_back(format("num_attention_heads={}", std::max<int64_t>(1, *f.hidden / kHeadSize)));
  add("num_attention_heads", f.heads);
  add("intermediate_size", f.mlp);
  add("vocab_size", f.vocab);
  add("seq_length", f.sequence);
  add("max_position_embeddings", f.sequence);
  if (f.micro_batch || f.accumulate) list.push_back("train_batch_size=0");
  add("train_micro_batch_size_per_gpu", f.micro_batch);
  if (f.micro_batch || f.accumulate)
    list.push_back(format("gradient_accumulation_steps={}", f.accumulate.value_or(1)));
  if (!f.precision.empty()) list.push_back("precision=" + f.precision);
  if (f.recompute) list.push_back("checkpoint_activations=true");
  list.insert(list.end(), f.overrides.begin(), f.overrides.end());
  return list;
}

RunConfig config_of(const BenchTrainFlags& flags) {
  std::vector<ConfigSource> files;
  for (const std::string& path : flags.configs) files.push_back(read_config_source(path));
  if (files.empty()) files.push_back({"built-in configuration", kDefaultConfig});
  RunConfig config = read_run_config(files, overrides_of(flags));
  if (config.shape.vocab_size == 0) {
    std::fprintf(stderr, "note: the vocabulary is taken to be %lld; --vocab says another\n",
                 static_cast<long long>(kVocabulary));
    config.shape.vocab_size = kVocabulary;
  }
  return config;
}

void run(BenchTrainFlags& flags) {
  flags.options.config = config_of(flags);
  std::optional<Progress> progress;
  flags.options.progress = [&](int64_t done, int64_t total) {
    if (!progress) progress.emplace(ProgressOptions{.label = "step", .total = total});
    progress->update(done);
  };
  StepBenchmark result = benchmark_steps(flags.options);
  progress.reset();
  std::string text = flags.output == "json" ? to_json(result).dump(2) + "\n" : to_table(result);
  std::fputs(text.c_str(), stdout);
}

void add_shape_options(CLI::App& command, BenchTrainFlags& f) {
  auto size = [&](const char* name, std::optional<int64_t>& value, const char* help) {
    command.add_option(name, value, help)->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
  };
  size("--hidden", f.hidden, "Model width");
  size("--layers", f.layers, "Transformer blocks");
  size("--heads", f.heads, "Attention heads");
  size("--mlp", f.mlp, "MLP width");
  size("--vocab", f.vocab, "Vocabulary");
  size("--sequence", f.sequence, "Tokens of a sequence");
  size("--micro-batch", f.micro_batch, "Sequences computed at a time");
  size("--accumulate", f.accumulate, "Micro batches of a step");
}

}  // namespace

void add_bench_train_command(CLI::App& bench) {
  auto f = std::make_shared<BenchTrainFlags>();
  CLI::App* command = bench.add_subcommand(
      "train", "Optimiser steps: tokens/s, share of the GEMM peak, memory, time per kernel");
  command->footer(kFooter);
  command->add_option("configs", f->configs, "Run configuration; several are merged")
      ->type_name("CONFIG.yml");
  command->add_option("--set", f->overrides, "Override a key of the configuration")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  add_shape_options(*command, *f);
  command->add_option("--precision", f->precision, "fp32, bfloat16 or fp16")
      ->check(CLI::IsMember({"fp32", "bfloat16", "fp16"}));
  command->add_flag("--recompute", f->recompute, "Keep block inputs only, compute the rest again");
  command->add_option("--steps", f->options.steps, "Timed steps")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--warmup", f->options.warmup, "Steps before, not timed")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  add_backend_choice(*command, f->options.backend, f->options.backend_options.device);
  command->add_option("--threads", f->options.backend_options.threads, "0: one per core")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--format", f->output, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command->callback([f] { run(*f); });
}

}  // namespace slm
