#include "model/gguf/gguf_config.h"

#include <algorithm>

#include "model/gguf/vocabulary.h"
#include "util/error.h"

namespace slm {
namespace {

// Not keys of llama.cpp, which passes over what it does not know.
constexpr std::string_view kConfig = "huggingface.config",
                           kGeneration = "huggingface.generation_config";

constexpr std::pair<std::string_view, std::string_view> kIdKeys[] = {
    {"bos_token_id", "tokenizer.ggml.bos_token_id"},
    {"eos_token_id", "tokenizer.ggml.eos_token_id"}};

// A config of the first of the architecture's families that can describe the decoder.
ModelConfig made_config(const GgufArchitecture& architecture, const DecoderSpec& spec,
                        const GgufMetadata& metadata) {
  for (std::string_view model_type : architecture.model_types) {
    try {
      ModelConfig config = new_model_config(model_type, spec);
      for (auto [key, id] : kIdKeys)
        if (metadata.has(id) && metadata.integer(id) < spec.vocab)
          config.config[std::string(key)] = metadata.integer(id);
      return config;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kUnsupported) throw;
    }
  }
  fail(ErrorKind::kUnsupported, "{}: no family describes this decoder of architecture \"{}\"",
       metadata.origin(), architecture.name);
}

// Of a file that carries no generation_config.json: only what config.json cannot say.
Json made_generation(const ModelConfig& config, const GgufMetadata& metadata) {
  std::vector<int32_t> ids = gguf_stop_ids(config, metadata);
  if (ids.size() < 2) return nullptr;
  return {{"_from_model_config", true}, {"eos_token_id", ids}};
}

Json kept_json(const GgufMetadata& metadata, std::string_view key) {
  if (!metadata.has(key)) return nullptr;
  return parse_json(metadata.string(key), format("{}: key \"{}\"", metadata.origin(), key));
}

}  // namespace

const GgufArchitecture& gguf_architecture_of(const GgufMetadata& metadata) {
  return gguf_architecture(metadata.string("general.architecture"), metadata.origin());
}

ModelConfig read_gguf_config(const GgufFile& file) {
  const GgufMetadata& m = file.metadata;
  const GgufArchitecture& architecture = gguf_architecture_of(m);
  const TensorEntry* embedding = file.tensors.find("token_embd.weight");
  check_data(embedding && embedding->shape.rank() == 2,
             "{}: tensor \"token_embd.weight\" is missing or no matrix; a file of a vocabulary "
             "only is no model",
             m.origin());
  DecoderSpec spec =
      read_gguf_spec(architecture, m, embedding->shape[0],
                     [&](std::string_view name) { return file.tensors.find(name) != nullptr; });
  Json kept = kept_json(m, kConfig);
  if (kept.is_object()) {
    ModelConfig config = parse_model_config(kept, format("{}: key \"{}\"", m.origin(), kConfig));
    config.generation = kept_json(m, kGeneration);
    // Tools may have changed the other keys since: those are what other programs go by.
    if (as_gguf_says(config.spec) == as_gguf_says(spec)) return config;
  }
  ModelConfig config = made_config(architecture, spec, m);
  config.generation = m.has(kGeneration) ? kept_json(m, kGeneration) : made_generation(config, m);
  return config;
}

std::vector<int32_t> gguf_stop_ids(const ModelConfig& config, const GgufMetadata& metadata) {
  std::vector<int32_t> ids = stop_ids(config);
  for (int32_t id : vocabulary_stop_ids(metadata))
    if (id < config.spec.vocab && std::find(ids.begin(), ids.end(), id) == ids.end())
      ids.push_back(id);
  return ids;
}

const GgufArchitecture& write_gguf_config(const ModelConfig& config, GgufMetadata& metadata) {
  const GgufArchitecture& architecture = write_gguf_spec(config.spec, metadata);
  metadata.set(std::string(kConfig), config.config.dump());
  if (config.generation.is_object())
    metadata.set(std::string(kGeneration), config.generation.dump());
  return architecture;
}

}  // namespace slm
