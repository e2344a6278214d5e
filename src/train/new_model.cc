#include "train/new_model.h"

#include <memory>
#include <optional>
#include <vector>

#include "model/gguf/save_gguf.h"
#include "model/quantization/mix.h"
#include "text/tokenizer.h"
#include "text/vocabulary_export.h"
#include "train/initialize.h"
#include "util/error.h"

namespace slm {
namespace {

std::optional<DType> plain_type(const std::string& name) {
  std::optional<DType> type = dtype_from_name(name);
  bool plain = type == DType::kF32 || type == DType::kBF16 || type == DType::kF16;
  return plain ? type : std::nullopt;
}

std::shared_ptr<const Tokenizer> open_checked(const NewModel& model) {
  if (model.tokenizer.empty()) return nullptr;
  auto tokenizer = open_tokenizer(model.tokenizer);
  check(tokenizer->size() <= model.config.spec.vocab,
        "{}: {} tokens, and the model has a vocabulary of {}", model.tokenizer.string(),
        tokenizer->size(), model.config.spec.vocab);
  return tokenizer;
}

void write_directory(const std::filesystem::path& target, const NewModel& model, DType dtype,
                     ThreadPool& pool, const WriteProgress& progress) {
  std::vector<ParameterSpec> specs = parameter_specs(model.config.spec);
  auto value = [&](size_t p) {
    return initial_value(specs[p], model.config.spec, model.init, model.seed, dtype, pool);
  };
  save_model(target, model.config, value, {.dtype = dtype, .progress = progress});
  namespace fs = std::filesystem;
  fs::path files = model.tokenizer;
  if (files.empty()) return;
  copy_tokenizer_files(fs::is_directory(files) ? files : files.parent_path(), target);
}

void write_file(const std::filesystem::path& target, const NewModel& model, const std::string& type,
                ThreadPool& pool, const WriteProgress& progress) {
  const DecoderSpec& spec = model.config.spec;
  std::optional<DType> plain = plain_type(type);
  const QuantizationMix* mix = plain ? nullptr : &quantization_mix(type);
  std::vector<ParameterSpec> specs = parameter_specs(spec);
  std::vector<DType> types(specs.size(), DType::kF32);
  auto choose = [&](const GgufTensor& t) {
    DType dtype = plain ? *plain
                        : type_in_mix(*mix, {.name = t.name,
                                             .layer = t.layer,
                                             .layers = spec.layers,
                                             .row_length = t.shape[-1],
                                             .tied_head = spec.tied_head});
    for (size_t p : t.parameters) types[p] = dtype;
    return dtype;
  };
  std::optional<PortableVocabulary> vocabulary;
  if (auto tokenizer = open_checked(model)) vocabulary = export_vocabulary(*tokenizer, spec.vocab);
  auto value = [&](size_t p) {
    return initial_value(specs[p], spec, model.init, model.seed, types[p], pool);
  };
  save_gguf(target,
            {.config = model.config,
             .vocabulary = std::move(vocabulary),
             .stop_ids = stop_ids(model.config),
             .value = value},
            {.name = target.stem().string(),
             .dtype = choose,
             .file_type = mix ? std::optional(mix->file_type) : std::nullopt,
             .progress = progress});
}

}  // namespace

RunConfig::Init init_of(const ModelConfig& config) {
  RunConfig::Init init;
  JsonObject json(config.config, "config.json");
  if (json.has("initializer_range")) init.std = json.number("initializer_range");
  return init;
}

void write_new_model(const std::filesystem::path& target, const NewModel& model,
                     const std::string& type, ThreadPool& pool, const WriteProgress& progress) {
  open_checked(model);
  if (target.extension() == ".gguf") return write_file(target, model, type, pool, progress);
  std::optional<DType> dtype = plain_type(type);
  check(dtype.has_value(),
        "--dtype {}: a model directory has f32, bf16 or f16; for {} end the name of the target in "
        ".gguf",
        type, quantization_mix_names());
  write_directory(target, model, *dtype, pool, progress);
}

}  // namespace slm
