#include "train/training_state.h"

#include <algorithm>
#include <array>

#include "format/safetensors.h"
#include "util/error.h"
#include "util/files.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kFormatVersion = 1;
constexpr std::string_view kOptimizerFile = "optimizer.safetensors";
constexpr std::string_view kStateFile = "trainer_state.json";

// The name under which a model directory keeps a tokenizer file that may have come under another,
// as 20B_tokenizer.json does.
std::string tokenizer_file_name(const fs::path& file) {
  std::string extension = file.extension().string();
  if (extension == ".model") return "tokenizer.model";
  if (extension == ".json" && file.filename() != "vocab.json") return "tokenizer.json";
  return file.filename().string();
}

void copy_tokenizer(const fs::path& from, const fs::path& to) {
  constexpr std::array<std::string_view, 9> kBeside{"tokenizer.json",
                                                    "tokenizer_config.json",
                                                    "special_tokens_map.json",
                                                    "tokenizer.model",
                                                    "added_tokens.json",
                                                    "special_tokens.json",
                                                    "vocab.json",
                                                    "merges.txt",
                                                    "chat_template.jinja"};
  auto copy = [&](const fs::path& file, const std::string& name) {
    if (fs::is_regular_file(file)) write_file_atomically(to / name, read_file(file));
  };
  bool is_directory = fs::is_directory(from);
  const fs::path directory = is_directory ? from : from.parent_path();
  if (!is_directory) copy(from, tokenizer_file_name(from));
  for (std::string_view name : kBeside)
    if (is_directory ||
        (!fs::exists(to / name) && name != "tokenizer.json" && name != "tokenizer.model"))
      copy(directory / name, std::string(name));
  if (!is_directory) return;
  for (const auto& entry : fs::directory_iterator(from))
    if (entry.path().extension() == ".tiktoken")
      copy(entry.path(), entry.path().filename().string());
}

// Views of a flat buffer, one per parameter.
std::vector<NamedTensor> split(const Parameters& parameters, const Tensor& flat,
                               std::string_view suffix) {
  std::vector<NamedTensor> named;
  int64_t at = 0;
  for (const Parameter& p : parameters.items()) {
    int64_t end = at + p.value.elements();
    named.push_back(
        {format("{}.{}", p.spec.name, suffix), flat.slice(at, end).reshape(p.spec.shape)});
    at = end;
  }
  return named;
}

std::vector<NamedTensor> moments(const Parameters& parameters, const AdamW& optimizer) {
  auto all = split(parameters, optimizer.first_moment(), "exp_avg");
  auto second = split(parameters, optimizer.second_moment(), "exp_avg_sq");
  all.insert(all.end(), second.begin(), second.end());
  return all;
}

void write_configs(const fs::path& directory, const TrainingSnapshot& what) {
  fs::create_directory(directory);
  for (size_t i = 0; i < what.config_files.size(); ++i) {
    fs::path name = fs::path(what.config_files[i].name).filename();
    if (fs::exists(directory / name)) name = format("{}_{}", i, name.string());
    write_file_atomically(directory / name, what.config_files[i].text);
  }
  write_file_atomically(directory / "resolved.yml", what.resolved_config);
}

}  // namespace

void write_training_snapshot(const fs::path& directory, const TrainingSnapshot& what) {
  save_model(directory, what.model, what.parameters);
  if (!what.tokenizer.empty()) copy_tokenizer(what.tokenizer, directory);
  write_safetensors(directory / kOptimizerFile,
                    sources_of(moments(what.parameters, what.optimizer)));
  write_configs(directory / "config", what);
  const TrainerState& s = what.state;
  Json state{{"version", kFormatVersion},
             {"step", s.steps},
             {"consumed_samples", s.samples},
             {"consumed_tokens", s.tokens},
             {"optimizer_updates", s.updates},
             {"schedule", s.schedule},
             {"data", s.data}};
  write_file_atomically(directory / kStateFile, state.dump(1));
}

TrainerState read_trainer_state(const fs::path& directory) {
  fs::path file = directory / kStateFile;
  Json root = read_json_file(file);
  JsonObject object(root, file.string());
  check_data(object.integer("version") == kFormatVersion, "{}: version {}, expected {}",
             file.string(), object.integer("version"), kFormatVersion);
  constexpr int64_t kMost = int64_t{1} << 60;
  return {.steps = object.integer("step", 0, kMost),
          .samples = object.integer("consumed_samples", 0, kMost),
          .tokens = object.integer("consumed_tokens", 0, kMost),
          .updates = object.integer("optimizer_updates", 0, kMost),
          .schedule = object.at("schedule"),
          .data = object.at("data")};
}

void read_optimizer(const fs::path& directory, const Parameters& parameters,
                    const TrainerState& state, AdamW& optimizer) {
  fs::path file = directory / kOptimizerFile;
  TensorFiles stored = open_safetensors(file);
  for (const NamedTensor& moment : moments(parameters, optimizer)) {
    Tensor from = stored.load(moment.name);
    check_data(from.dtype() == DType::kF32 && from.shape() == moment.tensor.shape(),
               "{}: \"{}\" is {} {}, expected f32 {}", file.string(), moment.name,
               traits(from.dtype()).name, from.shape().to_string(),
               moment.tensor.shape().to_string());
    auto numbers = from.span<const float>();
    std::copy(numbers.begin(), numbers.end(), moment.tensor.data<float>());
  }
  optimizer.set_updates(state.updates);
}

}  // namespace slm
