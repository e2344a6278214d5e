#include "model/load.h"

#include "model/checkpoint.h"
#include "util/error.h"

namespace slm {
namespace {

Tensor in_working_type(const Tensor& stored, ParameterRole role, std::optional<DType> dtype) {
  bool small = role == ParameterRole::kNormWeight || role == ParameterRole::kBias;
  if (small || (!dtype && stored.dtype() == DType::kF64)) return to_dtype(stored, DType::kF32);
  return dtype ? to_dtype(stored, *dtype) : stored;
}

}  // namespace

Parameters load_parameters(Checkpoint& checkpoint, const LoadOptions& options) {
  const auto& specs = checkpoint.parameters();
  Parameters parameters;
  if (options.memory) parameters.place(*options.memory);
  for (size_t i = 0; i < specs.size(); ++i)
    parameters.add(specs[i], in_working_type(checkpoint.load(i), specs[i].role, options.dtype));
  return parameters;
}

Model load_model(const std::filesystem::path& path, const LoadOptions& options) {
  if (options.dtype)
    check(traits(*options.dtype).floating && *options.dtype != DType::kF64 &&
              traits(*options.dtype).block_elems == 1,
          "weights cannot be held as {}; choose f32, bf16 or f16", traits(*options.dtype).name);
  Checkpoint checkpoint(path);
  Model model{.config = checkpoint.config(),
              .tokenizer = checkpoint.tokenizer(),
              .stop_ids = checkpoint.stop_ids()};
  model.parameters = load_parameters(checkpoint, options);
  return model;
}

}  // namespace slm
