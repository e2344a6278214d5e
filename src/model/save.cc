#include <set>

#include "model/families/name_table.h"
#include "model/load.h"
#include "util/error.h"
#include "util/files.h"

namespace slm {

std::string_view torch_name(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "float32";
    case DType::kBF16:
      return "bfloat16";
    case DType::kF16:
      return "float16";
    default:
      fail(ErrorKind::kUnsupported, "checkpoints are saved in f32, bf16 or f16, not {}",
           traits(dtype).name);
  }
}

namespace {

// What transformers derives from a config that has no generation_config.json.
Json generation_of(const ModelConfig& config) {
  if (config.generation.is_object()) return config.generation;
  Json generation{{"_from_model_config", true}};
  for (const char* key : {"bos_token_id", "eos_token_id", "pad_token_id"})
    if (config.config.contains(key)) generation[key] = config.config[key];
  return generation;
}

void write_json(const std::filesystem::path& path, const Json& json) {
  write_file_atomically(path, json.dump(2) + "\n");
}

}  // namespace

std::vector<TensorSource> published_tensors(const ModelConfig& config, const Parameters& parameters,
                                            DType dtype,
                                            const std::function<Tensor(const Parameter&)>& pick) {
  std::vector<Parameter> items(parameters.items().begin(), parameters.items().end());
  return stored_sources(
      family_of(config.model_type, "saving").names, config.spec,
      [dtype](const StoredGroup&) { return dtype; },
      [items, pick](size_t p) { return pick(items[p]); });
}

void save_model(const std::filesystem::path& directory, const ModelConfig& config,
                const Parameters& parameters, const SaveOptions& options) {
  save_model(
      directory, config, [&](size_t p) { return parameters.items()[p].value; }, options);
}

void save_model(const std::filesystem::path& directory, const ModelConfig& config,
                const ParameterReader& value, const SaveOptions& options) {
  Json written = config.config;
  written["torch_dtype"] = torch_name(options.dtype);
  auto tensors = stored_sources(
      family_of(config.model_type, "saving").names, config.spec,
      [&](const StoredGroup&) { return options.dtype; }, value);
  write_checkpoint_dir(directory, with_progress(std::move(tensors), options.progress),
                       {.max_shard_bytes = options.max_shard_bytes});
  write_json(directory / "generation_config.json", generation_of(config));
  write_json(directory / "config.json", written);
}

void copy_tokenizer_files(const std::filesystem::path& from, const std::filesystem::path& to) {
  static const std::set<std::string> kNames{"tokenizer.json",
                                            "tokenizer.model",
                                            "tokenizer_config.json",
                                            "special_tokens_map.json",
                                            "added_tokens.json",
                                            "vocab.json",
                                            "merges.txt",
                                            "special_tokens.json",
                                            "chat_template.jinja"};
  std::filesystem::create_directories(to);
  for (const auto& entry : std::filesystem::directory_iterator(from)) {
    std::filesystem::path name = entry.path().filename();
    if (kNames.contains(name) || name.extension() == ".tiktoken")
      write_file_atomically(to / name, read_file(entry.path()));
  }
}

}  // namespace slm
