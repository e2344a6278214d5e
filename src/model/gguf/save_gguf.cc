#include "model/gguf/save_gguf.h"

#include <algorithm>
#include <map>

#include "format/gguf.h"
#include "model/families/name_table.h"
#include "model/gguf/gguf_config.h"
#include "model/gguf/vocabulary.h"
#include "util/error.h"

namespace slm {
namespace {

constexpr uint32_t kQuantizationVersion = 2;

// "general.file_type" by the name of the format most bytes have. Source: llama.cpp's llama_ftype.
constexpr std::pair<std::string_view, uint32_t> kFileTypes[] = {
    {"f32", 0},  {"f16", 1},  {"bf16", 32}, {"q4_0", 2},  {"q4_1", 3},  {"q5_0", 8},
    {"q5_1", 9}, {"q8_0", 7}, {"q4_k", 15}, {"q5_k", 17}, {"q6_k", 18},
};

// What stock loaders add or multiply element by element.
bool always_f32(const ParameterSpec& p) {
  return p.role == ParameterRole::kNormWeight || p.role == ParameterRole::kBias ||
         p.name == "positions.weight";
}

// Loaders that know no such heads need the rows divided already.
ParameterReader with_head_divided(const GgufModel& model) {
  const DecoderSpec& spec = model.config.spec;
  if (!spec.normalized_head) return model.value;
  std::vector<ParameterSpec> parameters = parameter_specs(spec);
  auto head = std::find_if(parameters.begin(), parameters.end(),
                           [](const ParameterSpec& p) { return p.name == "head.weight"; });
  return [value = model.value, index = size_t(head - parameters.begin())](size_t p) {
    return p == index ? rows_of_length_one(value(p)) : value(p);
  };
}

int64_t layer_of(const std::string& name) {
  return name.starts_with("blk.") ? std::stoll(name.substr(4)) : -1;
}

std::vector<TensorSource> sources(const GgufArchitecture& architecture, const GgufModel& model,
                                  const GgufOptions& options) {
  const DecoderSpec& spec = model.config.spec;
  std::vector<ParameterSpec> parameters = parameter_specs(spec);
  auto dtype = [&](const StoredGroup& group) {
    size_t first = group.parameters[0];
    const ParameterSpec& p = parameters[first];
    if (always_f32(p)) return DType::kF32;
    return options.dtype({group.name, layer_of(group.name), p.shape, p.role, group.parameters});
  };
  ParameterReader value = with_head_divided(model);
  if (options.encode)
    value = [exact = value, encode = options.encode](size_t p) { return encode(p, exact(p)); };
  auto tensors = stored_sources(architecture.names, spec, dtype, value);
  if (spec.tied_head && architecture.head_required) {
    TensorSource head = tensors[0];  // the embedding comes first in every table
    head.name = "output.weight";
    tensors.push_back(std::move(head));
  }
  return tensors;
}

uint32_t file_type(const std::vector<TensorSource>& tensors) {
  std::map<DType, int64_t> bytes;
  for (const TensorSource& t : tensors) bytes[t.dtype] += t.bytes();
  auto most = std::max_element(bytes.begin(), bytes.end(),
                               [](auto& a, auto& b) { return a.second < b.second; });
  for (auto [name, type] : kFileTypes)
    if (name == traits(most->first).name) return type;
  return 0;
}

// What stock loaders would otherwise guess: which tokens begin and end a text.
PortableVocabulary with_ids(const GgufModel& model) {
  PortableVocabulary vocabulary = *model.vocabulary;
  const Json& config = model.config.config;
  auto bos = config.find("bos_token_id");
  bool known = bos != config.end() && bos->is_number_integer() && *bos >= 0 &&
               *bos < model.config.spec.vocab;
  if (!vocabulary.bos && known) vocabulary.bos = bos->get<int32_t>();
  for (int32_t id : model.stop_ids) {
    if (!vocabulary.eos) vocabulary.eos = id;
    if (!vocabulary.eot && id != *vocabulary.eos) vocabulary.eot = id;
  }
  return vocabulary;
}

void write_tokenizer(const GgufModel& model, const GgufArchitecture& architecture,
                     GgufMetadata& metadata) {
  if (model.vocabulary) return write_vocabulary(with_ids(model), metadata);
  write_no_vocabulary(metadata);
  metadata.set(format("{}.vocab_size", architecture.name), uint32_t(model.config.spec.vocab));
}

}  // namespace

void save_gguf(const std::filesystem::path& path, const GgufModel& model,
               const GgufOptions& options) {
  GgufMetadata metadata;
  metadata.set("general.architecture", std::string());  // first, as everywhere
  metadata.set("general.type", std::string("model"));
  if (!options.name.empty()) metadata.set("general.name", options.name);
  const GgufArchitecture& architecture = write_gguf_config(model.config, metadata);
  auto tensors = sources(architecture, model, options);
  metadata.set("general.file_type", options.file_type.value_or(file_type(tensors)));
  bool blocks = std::any_of(tensors.begin(), tensors.end(),
                            [](const TensorSource& t) { return traits(t.dtype).block_elems > 1; });
  if (blocks) metadata.set("general.quantization_version", kQuantizationVersion);
  write_tokenizer(model, architecture, metadata);
  write_gguf(path, metadata, with_progress(std::move(tensors), options.progress));
}

}  // namespace slm
