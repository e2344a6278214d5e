// Checkpoints in the Hugging Face layout: config.json, tensors under their published names,
// tokenizer files.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "core/parameters.h"
#include "model/decoder.h"
#include "model/spec.h"
#include "text/tokenizer.h"
#include "util/json.h"

namespace slm {

// What config.json says. `model_type` and `config` are kept only to write the same layout back.
struct ModelConfig {
  std::string model_type;
  Json config;
  DecoderSpec spec;
};
ModelConfig parse_model_config(const Json& config, const std::string& origin);
ModelConfig read_model_config(
    const std::filesystem::path& directory);  // of <directory>/config.json

struct LoadOptions {
  std::optional<DType> dtype;  // convert matrices to this type; absent: as stored
};

struct Model {
  ModelConfig config;
  Parameters parameters;
  std::shared_ptr<const Tokenizer> tokenizer;  // null when the directory has none
  std::vector<int32_t> stop_ids;  // end-of-text ids of generation_config.json, else config.json

  Decoder decoder() const { return Decoder(config.spec, parameters); }
};

// Errors name the file and the key or tensor: missing, unexpected, of the wrong shape.
Model load_model(const std::filesystem::path& directory, const LoadOptions& options = {});

struct SaveOptions {
  DType dtype = DType::kF32;
  int64_t max_shard_bytes = int64_t{5} << 30;
};
// Writes config.json, generation_config.json and the tensors under the family's published names.
// The inverse of load_model, bit-exact when the type is the stored one.
void save_model(const std::filesystem::path& directory, const ModelConfig& config,
                const Parameters& parameters, const SaveOptions& options = {});

}  // namespace slm
