#include "train/training_state.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "format/safetensors.h"
#include "util/error.h"
#include "util/files.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kFormatVersion = 1;
constexpr std::string_view kOptimizerFile = "optimizer.safetensors";
constexpr std::string_view kStateFile = "trainer_state.json";
constexpr std::string_view kFirstMoment = "exp_avg", kSecondMoment = "exp_avg_sq",
                           kMaster = "master";

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

// One tensor per parameter, views of flat numbers.
void split(std::span<const ParameterSpec> parameters, const Tensor& flat, std::string_view suffix,
           std::vector<NamedTensor>& into) {
  int64_t at = 0;
  for (const ParameterSpec& p : parameters) {
    int64_t end = at + p.shape.elements();
    into.push_back({format("{}.{}", p.name, suffix), flat.slice(at, end).reshape(p.shape)});
    at = end;
  }
}

std::vector<NamedTensor> named_state(std::span<const ParameterSpec> parameters,
                                     const OptimizerState& state, bool with_master) {
  std::vector<NamedTensor> all;
  split(parameters, state.m, kFirstMoment, all);
  split(parameters, state.v, kSecondMoment, all);
  if (with_master) split(parameters, state.master, kMaster, all);
  return all;
}

void write_model(const fs::path& directory, const TrainingSnapshot& what) {
  Parameters parameters;
  int64_t at = 0;
  for (const ParameterSpec& p : what.parameters) {
    int64_t end = at + p.shape.elements();
    parameters.add(p, what.optimizer.master.slice(at, end).reshape(p.shape));
    at = end;
  }
  save_model(directory, what.model, parameters, {.dtype = what.dtype});
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

// A tensor of a stored optimiser, checked.
Tensor load_state(const TensorFiles& stored, const fs::path& file, const std::string& name,
                  const Shape& shape) {
  Tensor tensor = stored.load(name);
  check_data(tensor.dtype() == DType::kF32 && tensor.shape() == shape,
             "{}: \"{}\" is {} {}, expected f32 {}", file.string(), name,
             traits(tensor.dtype()).name, tensor.shape().to_string(), shape.to_string());
  auto numbers = tensor.span<const float>();
  auto bad =
      std::find_if(numbers.begin(), numbers.end(), [](float x) { return !std::isfinite(x); });
  check_data(bad == numbers.end(),
             "{}: \"{}\" is not finite at element {}: it cannot be trained on", file.string(), name,
             bad - numbers.begin());
  return tensor;
}

// Numbers `span` of the flat state of a part, from tensors that were saved whole.
void read_numbers(const TensorFiles& stored, const fs::path& file, const ModelPart& mine,
                  std::string_view suffix, FlatSpan span, Allocator& memory, const Tensor& into) {
  int64_t at = 0;
  for (size_t i = 0; i < mine.parameters().size(); ++i) {
    const auto& [p, whole] = mine.parameters()[i];
    FlatSpan part{std::max(span.begin, at), std::min(span.end, at + p.shape.elements())};
    int64_t first = std::exchange(at, at + p.shape.elements());
    if (part.size() <= 0) continue;
    Tensor from = mine.take(i, load_state(stored, file, format("{}.{}", p.name, suffix), whole));
    memory.copy(from.slice(part.begin - first, part.end - first),
                into.slice(part.begin - span.begin, part.end - span.begin));
  }
}

}  // namespace

void write_training_snapshot(const fs::path& directory, const TrainingSnapshot& what) {
  write_model(directory, what);
  if (!what.tokenizer.empty()) copy_tokenizer(what.tokenizer, directory);
  if (what.with_optimizer)
    write_safetensors(directory / kOptimizerFile,
                      sources_of(named_state(what.parameters, what.optimizer, what.with_master)));
  write_configs(directory / "config", what);
  const TrainerState& s = what.state;
  Json data = s.data;
  data["skipped"] = s.skipped;
  Json state{{"version", kFormatVersion},
             {"step", s.steps},
             {"consumed_samples", s.samples},
             {"consumed_tokens", s.tokens},
             {"optimizer_updates", s.updates},
             {"schedule", s.schedule},
             {"data", data},
             {"faults", s.faults},
             {"loss_scaler", s.loss_scaler}};
  write_file_atomically(directory / kStateFile, state.dump(1));
}

TrainerState read_trainer_state(const fs::path& directory) {
  fs::path file = directory / kStateFile;
  Json root = read_json_file(file);
  JsonObject object(root, file.string());
  check_data(object.integer("version") == kFormatVersion, "{}: version {}, expected {}",
             file.string(), object.integer("version"), kFormatVersion);
  constexpr int64_t kMost = int64_t{1} << 60;
  TrainerState state{.steps = object.integer("step", 0, kMost),
                     .samples = object.integer("consumed_samples", 0, kMost),
                     .tokens = object.integer("consumed_tokens", 0, kMost),
                     .updates = object.integer("optimizer_updates", 0, kMost),
                     .schedule = object.at("schedule"),
                     .data = object.at("data")};
  check_data(state.data.is_object(), "{}: key \"data\" must be an object", file.string());
  if (state.data.contains("skipped")) {
    state.skipped = state.data["skipped"];
    state.data.erase("skipped");
  }
  if (object.has("faults")) state.faults = object.at("faults");
  if (object.has("loss_scaler")) state.loss_scaler = object.at("loss_scaler");
  return state;
}

bool has_optimizer(const fs::path& directory) { return fs::exists(directory / kOptimizerFile); }

namespace {

TensorFiles open_optimizer(const fs::path& directory) {
  check(has_optimizer(directory),
        "{}: there is no {}: it was saved with no_save_optim; no_load_optim: true continues with "
        "moments of zero",
        directory.string(), kOptimizerFile);
  return open_safetensors(directory / kOptimizerFile);
}

bool has_master(const TensorFiles& stored) {
  return std::any_of(stored.entries().begin(), stored.entries().end(),
                     [](const TensorEntry& e) { return e.name.ends_with(format(".{}", kMaster)); });
}

}  // namespace

void check_optimizer(const fs::path& directory, const std::vector<ParameterSpec>& parameters) {
  TensorFiles stored = open_optimizer(directory);
  std::vector<std::string_view> kinds{kFirstMoment, kSecondMoment};
  if (has_master(stored)) kinds.push_back(kMaster);
  for (const ParameterSpec& p : parameters)
    for (std::string_view kind : kinds)
      load_state(stored, directory / kOptimizerFile, format("{}.{}", p.name, kind), p.shape);
}

std::function<Tensor(const ParameterSpec&)> master_copy(const fs::path& directory) {
  if (!has_optimizer(directory)) return {};
  fs::path file = directory / kOptimizerFile;
  auto stored = std::make_shared<TensorFiles>(open_safetensors(file));
  if (!has_master(*stored)) return {};
  return [stored, file](const ParameterSpec& p) {
    return load_state(*stored, file, format("{}.{}", p.name, kMaster), p.shape);
  };
}

void read_optimizer(const fs::path& directory, const ModelPart& mine, const Parameters& parameters,
                    const TrainerState& state, AdamW& optimizer) {
  fs::path file = directory / kOptimizerFile;
  TensorFiles stored = open_optimizer(directory);
  auto read = [&](std::string_view suffix, FlatSpan span, const Tensor& into) {
    read_numbers(stored, file, mine, suffix, span, optimizer.memory(), into);
  };
  read(kFirstMoment, optimizer.span(), optimizer.first_moment());
  read(kSecondMoment, optimizer.span(), optimizer.second_moment());
  if (has_master(stored)) {
    // f32 working values are their own master copy, and every process needs all of them
    if (optimizer.mixed())
      read(kMaster, optimizer.span(), optimizer.master());
    else
      read(kMaster, {0, parameters.count()}, parameters.values());
  }
  optimizer.set_updates(state.updates);
}

}  // namespace slm
