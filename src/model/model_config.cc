#include <algorithm>

#include "model/families/families.h"
#include "model/gguf/gguf_config.h"
#include "model/load.h"
#include "util/error.h"

namespace slm {
namespace {

constexpr int64_t kMaxConfigBytes = int64_t{1} << 24;

std::filesystem::path config_path(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path))
    fail(ErrorKind::kNotFound, "{}: no such model directory", path.string());
  if (!std::filesystem::is_directory(path)) return path;
  std::filesystem::path file = path / "config.json";
  if (!std::filesystem::exists(file))
    fail(ErrorKind::kNotFound,
         "{}: no config.json here; a model is a directory in the Hugging Face layout or a .gguf "
         "file",
         path.string());
  return file;
}

}  // namespace

ModelConfig parse_model_config(const Json& config, const std::string& origin) {
  JsonObject object(config, origin);
  ModelConfig result{.model_type = object.string("model_type"), .config = config};
  result.spec = family_of(result.model_type, origin).read(object);
  validate(result.spec);
  return result;
}

ModelConfig read_model_config(const std::filesystem::path& path) {
  if (is_gguf(path)) return read_gguf_config(open_gguf(path));
  std::filesystem::path file = config_path(path);
  ModelConfig config = parse_model_config(read_json_file(file, kMaxConfigBytes), file.string());
  std::filesystem::path generation = file.parent_path() / "generation_config.json";
  if (std::filesystem::exists(generation))
    config.generation =
        JsonObject(read_json_file(generation, kMaxConfigBytes), generation.string()).json();
  return config;
}

ModelConfig new_model_config(std::string_view model_type, const DecoderSpec& spec) {
  validate(spec);
  std::string origin = format("a {} config", model_type);
  const Family& family = family_of(model_type, origin);
  ModelConfig config = parse_model_config(family.write(spec), origin);
  if (config.spec != spec)
    fail(ErrorKind::kUnsupported,
         "a checkpoint of model_type \"{}\" cannot describe this decoder; choose another type",
         model_type);
  return config;
}

std::vector<int32_t> stop_ids(const ModelConfig& config) {
  for (const Json* json : {&config.generation, &config.config}) {
    if (!json->is_object()) continue;
    JsonObject object(*json, "eos_token_id");
    const Json* ids = object.find("eos_token_id");
    if (!ids) continue;
    std::vector<int32_t> result;
    for (const Json& id : ids->is_array() ? *ids : Json::array({*ids})) {
      check_data(id.is_number_integer() && id >= 0 && id < config.spec.vocab,
                 "key \"eos_token_id\": {} is not a token id below {}", id.dump(),
                 config.spec.vocab);
      result.push_back(id.get<int32_t>());
    }
    return result;
  }
  return {};
}

}  // namespace slm
