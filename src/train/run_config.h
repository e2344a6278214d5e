// What a training run is told, typed. Read from GPT-NeoX configuration files; the table of all
// keys, with what this program does with each, is in config_table.cc.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "train/curriculum.h"
#include "train/loss_scaler.h"

namespace slm {

// `repeats` layers in a row, each of the kinds in turn: [["flash"], 32]
struct AttentionRun {
  std::vector<std::string> kinds;
  int64_t repeats = 0;
};

// Defaults are those of GPT-NeoX. A count of 0 means "not given".
struct RunConfig {
  struct Shape {
    int64_t layers = 0, hidden = 0, heads = 0, kv_heads = 0, mlp_width = 0, seq_length = 0,
            max_positions = 0, model_parallel = 1, pipeline_parallel = 0;
    std::string head_type = "multihead", norm = "layernorm", positions = "learned",
                activation = "gelu", mlp_type = "plain";
    std::vector<AttentionRun> attention;
    bool qk_norm = false, rotary_interleaved = false, untied_head = false;
    bool parallel_residual = false, shared_norm = false;
    bool norm_bias = true, qk_norm_bias = true, attention_bias = true, mlp_bias = true;
    std::optional<bool> qkv_bias;  // overrides attention_bias for q, k and v
    double rotary_fraction = 1, rotary_base = 10000, rotary_scale = 1, norm_epsilon = 1e-5;
    int64_t mlp_multiple = 1, vocab_multiple = 128, vocab_size = 0;
  } shape;

  struct Init {
    std::string method = "normal", output_method = "scaled_normal";
    double std = 0.02;
  } init;

  struct Optimizer {
    std::string type = "Adam";
    double lr = 0.001, eps = 1e-8, weight_decay = 0.1, max_grad_norm = 1;
    std::vector<double> betas{0.9, 0.999};
  } optimizer;

  struct Schedule {
    std::string style = "linear";
    double min_lr = 0, warmup = 0.01, cooldown = 0, hybrid_switch = 0.25, cooldown_final_lr = 0,
           decay_fraction = 1;
    int64_t train_steps = 0, decay_steps = 0, hybrid_steps = 0, cooldown_steps = 0;
    std::optional<int64_t> cooldown_start;
    bool keep_checkpoint_schedule = false, override_checkpoint_schedule = false;
  } schedule;

  struct Batch {
    int64_t global = 0, micro = 0, accumulate = 0;  // accumulate: of each data-parallel process
    int64_t micro_batches() const { return global / micro; }  // of a step, over all processes
  } batch;

  struct Parallel {
    int64_t processes = 1;  // in all
    int64_t zero_stage = 0, bucket = 500'000'000;
    bool overlap = false, deterministic = false;
  } parallel;

  struct Data {
    std::vector<std::string> train, valid, test;
    std::vector<double> train_weights, valid_weights, test_weights;
    std::vector<std::string> train_labels, valid_labels, test_labels;  // one per path, or empty
    std::string path, split = "969, 30, 1";                            // one file for all three
    std::string epoch_shuffle = "neox", cache;
    bool weight_by_documents = false;
    double weight_alpha = 1;
    std::string tokenizer_type = "GPT2BPETokenizer", tokenizer, impl = "infer";
    bool reset_attention = false, reset_positions = false, mask_eod_loss = false;
    std::string loss_norm = "micro", packing = "packed";
    double z_loss = 0;
    int64_t seed = 1234;
  } data;

  struct Saving {
    std::string save, load;
    int64_t every = 0, keep_last = 0, keep_every = 0, exit_every = 0;
    std::string scale = "linear", dtype;  // empty dtype: the type computed in
    std::vector<int64_t> extra_steps;
    std::optional<int64_t> load_step;
    bool finetune = false, skip_shape_check = false;
    bool background = true, without_optimizer = false, load_without_optimizer = false;
  } saving;

  struct Faults {
    std::string on_nonfinite = "stop", on_spike = "ignore";
    double spike_threshold = 6;
    int64_t spike_window = 128, most = 10;
  } faults;

  struct Watching {
    int64_t log_every = 100, print_every = 0, eval_every = 1000, eval_batches = 100;
    std::string tensorboard, name;  // directory of event files; of the run, for people
    bool time_phases = false;
  } watching;

  struct Tasks {  // evaluated at each validation
    std::vector<std::string> names;
    std::string data;
    int64_t limit = 0, batch = 0;
  } tasks;

  std::string precision;  // "fp32", "fp16" or "bfloat16", as the file asks
  bool fp16 = false, bf16 = false;
  LossScalerSpec loss_scaler;  // of fp16
  CurriculumSpec curriculum;
  double hidden_dropout = 0, attention_dropout = 0;
  bool recompute = false;
  int64_t recompute_layers = 1;

  DType working_type() const;  // that precision means
  // Processes that compute every block together; one alone computes all of it.
  int64_t parts() const { return parallel.processes > 1 ? shape.model_parallel : 1; }
  int64_t sharers() const { return parallel.processes / parts(); }  // of the batch

  std::set<std::string> given;     // keys that a file or the command line set
  std::vector<std::string> notes;  // what the person should know: ignored keys, things done instead
};

struct ConfigSource {
  std::string name;  // of the file, for messages and for the copy in a checkpoint
  std::string text;
};
ConfigSource read_config_source(const std::filesystem::path& path);

// Merges the files (a key in two of them is an error), then the overrides ("key=value", in order),
// then checks and derives, for a job of so many processes: batch sizes, precision, steps. Errors
// name file, line and key.
RunConfig read_run_config(const std::vector<ConfigSource>& files,
                          const std::vector<std::string>& overrides = {}, int64_t processes = 1);

// Every implemented key with its value, as a file that read_run_config reads back to the same.
std::string print_run_config(const RunConfig& config);

// The values of some keys as text, to compare two runs and to restore them.
std::map<std::string, std::string> config_values(const RunConfig& config,
                                                 std::span<const std::string_view> keys);
void set_config_value(RunConfig& config, const std::string& key, std::string_view value,
                      const std::string& origin);

}  // namespace slm
