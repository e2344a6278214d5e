#include "model/load.h"

#include <unordered_set>

#include "format/tensor_files.h"
#include "model/families/name_table.h"
#include "util/error.h"

namespace slm {
namespace {

// Buffers that old checkpoints carry beside the weights: causal masks, rotary tables, ALiBi slopes.
constexpr std::string_view kIgnoredEndings[] = {
    ".attention.bias",        ".attention.masked_bias", ".attn.bias",
    ".attn.masked_bias",      ".rotary_emb.inv_freq",   ".rotary_emb.cos_cached",
    ".rotary_emb.sin_cached", ".relative_pe.slopes"};

bool ignored(std::string_view name) {
  for (std::string_view ending : kIgnoredEndings)
    if (name.ends_with(ending)) return true;
  return false;
}

void refuse_unexpected(const TensorFiles& files, const std::unordered_set<std::string>& used,
                       const std::string& origin) {
  std::string names;
  int64_t count = 0;
  for (const TensorEntry& entry : files.entries()) {
    if (used.contains(entry.name) || ignored(entry.name)) continue;
    if (++count <= 3) names += format("{}\"{}\"", names.empty() ? "" : ", ", entry.name);
  }
  check_data(count == 0, "{}: {} tensors that config.json does not account for: {}{}", origin,
             count, names, count > 3 ? ", ..." : "");
}

Tensor in_working_type(const Tensor& stored, ParameterRole role, std::optional<DType> dtype) {
  bool small = role == ParameterRole::kNormWeight || role == ParameterRole::kBias;
  if (small || (!dtype && stored.dtype() == DType::kF64)) return to_dtype(stored, DType::kF32);
  return dtype ? to_dtype(stored, *dtype) : stored;
}

// The name of the output matrix in a family's checkpoints: when it is tied, some carry a copy.
std::string head_name(const StoredNames& names) {
  for (const StoredName& row : names)
    if (row.parameters[0] == "head.weight") return std::string(row.stored);
  return {};
}

Parameters load_parameters(const ModelConfig& config, const TensorFiles& files,
                           const std::string& origin, const LoadOptions& options) {
  const StoredNames& names = names_of_files(family_of(config.model_type, origin), files);
  auto specs = parameter_specs(config.spec);
  std::unordered_set<std::string> used;
  if (config.spec.tied_head) used.insert(head_name(names));
  std::vector<Tensor> values(specs.size());
  for (const StoredGroup& group : stored_groups(names, config.spec, specs)) {
    auto parts = read_group(group, specs, files, origin,
                            [&](const std::string& name) { used.insert(name); });
    for (size_t i = 0; i < parts.size(); ++i) {
      size_t p = group.parameters[i];
      values[p] = in_working_type(parts[i], specs[p].role, options.dtype);
    }
  }
  refuse_unexpected(files, used, origin);
  Parameters parameters;
  for (size_t i = 0; i < specs.size(); ++i) parameters.add(specs[i], values[i]);
  return parameters;
}

}  // namespace

Model load_model(const std::filesystem::path& directory, const LoadOptions& options) {
  if (options.dtype)
    check(traits(*options.dtype).floating && *options.dtype != DType::kF64 &&
              traits(*options.dtype).block_elems == 1,
          "weights cannot be held as {}; choose f32, bf16 or f16", traits(*options.dtype).name);
  Model model{.config = read_model_config(directory)};
  TensorFiles files = open_checkpoint_dir(directory);
  model.parameters = load_parameters(model.config, files, directory.string(), options);
  if (has_tokenizer(directory)) model.tokenizer = load_tokenizer(directory);
  model.stop_ids = stop_ids(model.config);
  return model;
}

}  // namespace slm
