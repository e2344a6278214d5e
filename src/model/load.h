// Checkpoints in the Hugging Face layout (config.json, tensors under their published names,
// tokenizer files) or in one .gguf file.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/parameters.h"
#include "format/safetensors.h"
#include "model/decoder.h"
#include "model/spec.h"
#include "text/tokenizer.h"
#include "util/json.h"

namespace slm {

// What config.json says. `model_type` and the JSON are kept only to write the same layout back.
struct ModelConfig {
  std::string model_type;
  Json config;
  DecoderSpec spec;
  Json generation = nullptr;  // generation_config.json; null when there is none
};
ModelConfig parse_model_config(const Json& config, const std::string& origin);
// Of a model directory, of a .gguf file, or of a config.json by itself.
ModelConfig read_model_config(const std::filesystem::path& path);
// The config of a model made here, e.g. before training. Error when a checkpoint of this type
// cannot describe such a decoder. Token ids and the like may be added to `config` afterwards.
ModelConfig new_model_config(std::string_view model_type, const DecoderSpec& spec);

// End-of-text ids: "eos_token_id" of generation_config.json, else of config.json.
std::vector<int32_t> stop_ids(const ModelConfig& config);

struct LoadOptions {
  // Type of the matrices; absent: as stored. Norms and biases are small and always become f32.
  std::optional<DType> dtype;
  // Where the weights are to lie: each is moved there as soon as it is read, and the file's pages
  // are let go of. Null: the host. Must outlive the model.
  Allocator* memory = nullptr;
  Placement placement = {};  // of a model split between `memory` and the host: what stays here
};

struct Model {
  ModelConfig config;
  Parameters parameters;
  std::shared_ptr<const Tokenizer> tokenizer;  // null when the directory has none
  std::vector<int32_t> stop_ids;  // end-of-text ids of generation_config.json, else config.json
  Placement placement = {};

  Decoder decoder() const { return Decoder(config.spec, parameters, placement); }
};

// `path`: a directory in the Hugging Face layout, or a .gguf file. Errors name the file and the key
// or tensor: missing, unexpected, of the wrong shape. Matrices that are stored as they are used
// stay in the mapped file.
Model load_model(const std::filesystem::path& path, const LoadOptions& options = {});

// "torch_dtype" of a config.json: "float32" for f32. Error for types checkpoints are not saved in.
std::string_view torch_name(DType dtype);

// Of a model directory, a .gguf file, or a tokenizer file.
std::shared_ptr<const Tokenizer> open_tokenizer(const std::filesystem::path& path);
// The weights of a model directory or a .gguf file, as they lie there.
TensorFiles open_weights(const std::filesystem::path& path);

class Checkpoint;
// The same from one that is open.
Model load_model(Checkpoint& checkpoint, const LoadOptions& options = {});
// All its parameters, as load_model holds them.
Parameters load_parameters(Checkpoint& checkpoint, const LoadOptions& options = {});
// In what type a parameter is held that is stored as `stored`.
DType loaded_type(DType stored, ParameterRole role, std::optional<DType> dtype);

struct SaveOptions {
  DType dtype = DType::kF32;
  int64_t max_shard_bytes = int64_t{5} << 30;
  WriteProgress progress = {};
};
// Writes config.json, generation_config.json and the tensors under the family's published names.
// The inverse of load_model, bit-exact when the type is the stored one. Streams: beside the model
// itself, one tensor is in memory at a time. Half-written output never looks like a model.
void save_model(const std::filesystem::path& directory, const ModelConfig& config,
                const Parameters& parameters, const SaveOptions& options = {});
// The same from parameters that are read when their turn comes.
void save_model(const std::filesystem::path& directory, const ModelConfig& config,
                const ParameterReader& value, const SaveOptions& options = {});

// Tensors of the parameters (values, or gradients) as the family's checkpoints name and lay them
// out, each made when asked for. `pick` gives the numbers of a parameter, of type `dtype`; it is
// kept by the sources.
std::vector<TensorSource> published_tensors(const ModelConfig& config, const Parameters& parameters,
                                            DType dtype,
                                            const std::function<Tensor(const Parameter&)>& pick);

// Copies what a tokenizer consists of from one model directory to another.
void copy_tokenizer_files(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace slm
