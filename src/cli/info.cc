// stablelm info: what a model is and what it costs.
#include <fmt/core.h>

#include <map>
#include <memory>

#include "cli/builtin_model.h"
#include "cli/commands.h"
#include "cli/resolve_model.h"
#include "format/gguf.h"
#include "model/sizes.h"

namespace slm {
namespace {

constexpr const char* kFooter =
    "MODEL may be a directory that holds only config.json, or a path to such a file: sizes follow\n"
    "from it. The parameter count is what the files hold, every number once.\n"
    "Example: stablelm info stablelm-3b-4e1t --context 4096";

struct InfoOptions {
  std::string model;
  int64_t context = 0;
};

std::string grouped(int64_t n) {
  std::string digits = std::to_string(n), text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string size(int64_t bytes) {
  if (bytes < 1'000'000) return format("{:.1f} kB", double(bytes) / 1e3);
  if (bytes < 1'000'000'000) return format("{:.1f} MB", double(bytes) / 1e6);
  return format("{:.2f} GB", double(bytes) / 1e9);
}

template <class... Args>
void line(std::string_view name, format_string<Args...> text, Args&&... args) {
  fmt::print("  {:<18}{}\n", name, fmt::format(text, std::forward<Args>(args)...));
}

std::string_view residual_name(Residual residual) {
  switch (residual) {
    case Residual::kSequential:
      return "sequential: attention, then MLP";
    case Residual::kParallel:
      return "parallel: attention and MLP, a norm each";
    case Residual::kParallelShared:
      return "parallel: attention and MLP share a norm";
  }
  return "";
}

std::string_view activation_text(Activation activation) {
  switch (activation) {
    case Activation::kSilu:
      return "silu";
    case Activation::kGelu:
      return "gelu";
    case Activation::kGeluTanh:
      return "gelu (tanh form)";
    case Activation::kQuickGelu:
      return "quick gelu";
    case Activation::kRelu:
      return "relu";
  }
  return "";
}

std::string bias_text(const DecoderSpec& s) {
  std::string text;
  auto add = [&](bool has, std::string_view name) {
    if (has) text += format("{}{}", text.empty() ? "" : ", ", name);
  };
  add(s.qkv_bias, "q k v");
  add(s.out_bias, "attention output");
  add(s.mlp_bias, "MLP");
  add(s.norm.kind == NormSpec::kLayer && s.norm.bias, "norms");
  add(s.head_bias, "output matrix");
  return text.empty() ? "none" : text;
}

std::string positions_text(const DecoderSpec& s) {
  if (s.positions == Positions::kLearned) return "a learned table";
  if (s.positions == Positions::kAlibi)
    return s.alibi_slope == 1 ? "ALiBi" : format("ALiBi, slopes times {:g}", s.alibi_slope);
  const Rope& r = s.rope;
  std::string text = format("rotary on {} of {} values, base {}", r.dims, s.head_size, r.theta);
  if (r.pairing == Rope::kInterleaved) text += ", neighbouring values paired";
  if (r.scale != 1) text += format(", stretched {} times", r.scale);
  if (r.ntk_length > 0) text += format(", base raised beyond {} tokens", r.ntk_length);
  if (r.log_n_length > 0) text += ", queries scaled beyond";
  return text;
}

void print_architecture(const ModelConfig& config) {
  const DecoderSpec& s = config.spec;
  fmt::print("Architecture\n");
  line("model type", "{}", config.model_type);
  line("layers", "{}", s.layers);
  line("width", "{}", s.width);
  line("heads", "{} of {}{}", s.heads, s.head_size,
       s.kv_heads == s.heads ? "" : format(", sharing {} key/value heads", s.kv_heads));
  line("MLP", "{} wide, {}{}", s.mlp_width, activation_text(s.activation),
       s.gated ? ", gated" : "");
  line("norm", "{}, epsilon {}{}", s.norm.kind == NormSpec::kRms ? "RMS" : "layer", s.norm.eps,
       s.qk_norm == QkNorm::kPerHead ? ", and one per head of q and k" : "");
  line("residual", "{}", residual_name(s.residual));
  line("positions", "{}", positions_text(s));
  if (s.window > 0) line("window", "{} tokens", grouped(s.window));
  if (s.qkv_clip > 0) line("q, k, v", "brought into -{0} .. {0}", s.qkv_clip);
  line("context", "{}", grouped(s.max_positions));
  line("biases", "{}", bias_text(s));
  line("vocabulary", "{}{}{}{}", grouped(s.vocab),
       s.tied_head ? ", output matrix tied to the embedding" : "",
       s.normalized_head ? ", rows of the output matrix of length 1" : "",
       s.embedding_norm ? ", a norm after the embedding" : "");
  if (s.embedding_scale != 1 || s.logit_scale != 1 || s.score_scale != 0)
    line("multipliers", "embedding {}, logits {}{}", s.embedding_scale, s.logit_scale,
         s.score_scale == 0 ? "" : format(", scores {}", s.score_scale));
}

void print_parameters(const ModelConfig& config) {
  fmt::print("Parameters\n");
  line("in the files", "{}", grouped(parameter_count(config.spec)));
  if (auto published = published_count(config))
    line("published figure", "{}: {}", grouped(published->count), published->reason);
}

// Returns the bytes of all tensors.
int64_t print_files(const std::filesystem::path& path) {
  TensorFiles files = open_weights(path);
  std::map<DType, std::pair<int64_t, int64_t>> by_dtype;  // tensors, bytes
  for (const TensorEntry& entry : files.entries()) {
    auto& [tensors, bytes] = by_dtype[entry.dtype];
    ++tensors, bytes += bytes_of(entry.dtype, entry.shape.elements());
  }
  fmt::print("Files\n");
  int64_t all = 0;
  for (const auto& [dtype, sum] : by_dtype) {
    line(traits(dtype).name, "{} in {} tensors", size(sum.second), sum.first);
    all += sum.second;
  }
  return all;
}

// `stored`: bytes of the weights in the files; 0 when there are none.
void print_memory(const DecoderSpec& spec, int64_t context, int64_t stored) {
  fmt::print("Memory\n");
  int64_t cache = cache_bytes(spec, context);
  auto to_run = [&](std::string_view how, int64_t weights) {
    line(format("to run {}", how), "{} = weights {} + keys and values of {} tokens {}",
         size(weights + cache), size(weights), grouped(context), size(cache));
  };
  if (stored > 0) to_run("as stored", stored);
  to_run("in f32", weight_bytes(spec, DType::kF32));
  to_run("in bf16", weight_bytes(spec, DType::kBF16));
  line("to train in f32", "{} = weights, gradients and two moments of AdamW, plus activations",
       size(training_state_bytes(spec)));
}

bool has_weights(const std::filesystem::path& path) {
  if (is_gguf(path)) return true;
  for (const char* name : {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                           "pytorch_model.bin.index.json"})
    if (std::filesystem::exists(path / name)) return true;
  return false;
}

void run(const InfoOptions& options) {
  std::filesystem::path path =
      options.model.empty() ? builtin_model_dir() : resolve_model(options.model);
  ModelConfig config = read_model_config(path);
  print_architecture(config);
  print_parameters(config);
  int64_t stored = has_weights(path) ? print_files(path) : 0;
  print_memory(config.spec, options.context > 0 ? options.context : config.spec.max_positions,
               stored);
}

}  // namespace

void add_info_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "info", "Say what a model is: architecture, parameters, bytes, memory it needs");
  auto options = std::make_shared<InfoOptions>();
  command
      ->add_option("model", options->model,
                   "Model directory, .gguf file, or a config.json by itself; without one, the "
                   "built-in model")
      ->type_name("MODEL");
  command
      ->add_option("--context", options->context,
                   "Tokens held in memory while generating (default: what the model was made for)")
      ->check(CLI::Range(int64_t{1}, kMaxPositions));
  command->footer(kFooter);
  command->callback([options] { run(*options); });
}

}  // namespace slm
