// A model as one GGUF file that llama.cpp loads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/parameters.h"
#include "format/tensor_source.h"
#include "model/load.h"
#include "text/vocabulary_export.h"

namespace slm {

struct GgufModel {
  const ModelConfig& config;
  std::optional<PortableVocabulary> vocabulary = {};  // absent: the file has none
  std::vector<int32_t> stop_ids = {};
  ParameterReader value;
};

// A tensor about to be written: what decides its type.
struct GgufTensor {
  std::string name;                // "blk.3.attn_v.weight"
  int64_t layer;                   // -1: outside the blocks
  Shape shape;                     // of its first parameter; a stacked tensor has more rows
  ParameterRole role;              // a matrix: norms and biases are always f32
  std::vector<size_t> parameters;  // what it holds, as indices into parameter_specs
};

struct GgufOptions {
  std::string name = {};  // "general.name"
  std::function<DType(const GgufTensor&)> dtype;
  // Brings the numbers of a parameter into the type its tensor has; absent: rounded.
  std::function<Tensor(size_t parameter, const Tensor& value)> encode = {};
  std::optional<uint32_t> file_type = {};  // "general.file_type"; absent: by the most bytes
  WriteProgress progress = {};
};

// Streams: one tensor in memory at a time. Error when llama.cpp has no architecture for such a
// decoder, or no rule for such a tokenizer.
void save_gguf(const std::filesystem::path& path, const GgufModel& model,
               const GgufOptions& options);

}  // namespace slm
