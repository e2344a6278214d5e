#include "model/load.h"

#include "model/checkpoint.h"
#include "util/error.h"

namespace slm {

DType loaded_type(DType stored, ParameterRole role, std::optional<DType> dtype) {
  bool small = role == ParameterRole::kNormWeight || role == ParameterRole::kBias;
  if (small || (!dtype && stored == DType::kF64)) return DType::kF32;
  return dtype.value_or(stored);
}

Parameters load_parameters(Checkpoint& checkpoint, const LoadOptions& options) {
  const auto& specs = checkpoint.parameters();
  Parameters parameters;
  if (options.memory)
    parameters.place(*options.memory, [placement = options.placement](const ParameterSpec& p) {
      return placement.on_host(p.name);
    });
  for (size_t i = 0; i < specs.size(); ++i) {
    Tensor stored = checkpoint.load(i);
    DType type = loaded_type(stored.dtype(), specs[i].role, options.dtype);
    parameters.add(specs[i], to_dtype(stored, type));
  }
  return parameters;
}

Model load_model(Checkpoint& checkpoint, const LoadOptions& options) {
  if (options.dtype)
    check(traits(*options.dtype).floating && *options.dtype != DType::kF64 &&
              traits(*options.dtype).block_elems == 1,
          "weights cannot be held as {}; choose f32, bf16 or f16", traits(*options.dtype).name);
  Model model{.config = checkpoint.config(),
              .tokenizer = checkpoint.tokenizer(),
              .stop_ids = checkpoint.stop_ids(),
              .placement = options.placement};
  model.parameters = load_parameters(checkpoint, options);
  return model;
}

Model load_model(const std::filesystem::path& path, const LoadOptions& options) {
  Checkpoint checkpoint(path);
  return load_model(checkpoint, options);
}

}  // namespace slm
