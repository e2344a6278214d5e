#include "model/quantization/quantize_model.h"

#include "core/quantize.h"
#include "model/gguf/save_gguf.h"

namespace slm {

QuantizedSizes quantize_model(Checkpoint& source, const std::filesystem::path& target,
                              const QuantizeOptions& options) {
  const std::vector<ParameterSpec>& specs = source.parameters();
  const DecoderSpec& spec = source.config().spec;
  QuantizedSizes sizes;
  std::vector<DType> types(specs.size(), DType::kF32);
  auto choose = [&](const GgufTensor& tensor) {
    DType type = type_in_mix(options.mix, {.name = tensor.name,
                                           .layer = tensor.layer,
                                           .layers = spec.layers,
                                           .row_length = tensor.shape[-1],
                                           .tied_head = spec.tied_head});
    for (size_t p : tensor.parameters) types[p] = type;
    return type;
  };
  auto encode = [&](size_t p, const Tensor& value) {
    std::span<const float> importance;
    if (p < options.importance.size()) importance = options.importance[p];
    return quantize(value, types[p], importance, options.pool, specs[p].name);
  };
  save_gguf(target,
            {.config = source.config(),
             .vocabulary = source.vocabulary(),
             .stop_ids = source.stop_ids(),
             .value = [&](size_t p) { return source.load(p); }},
            {.name = options.name,
             .dtype = choose,
             .encode = encode,
             .file_type = options.mix.file_type,
             .progress = options.progress});
  for (size_t p = 0; p < specs.size(); ++p) {
    sizes.numbers += specs[p].shape.elements();
    sizes.stored_bytes += bytes_of(source.stored_type(p), specs[p].shape.elements());
    ++sizes.tensors[types[p]];
  }
  sizes.file_bytes = int64_t(std::filesystem::file_size(target));
  return sizes;
}

}  // namespace slm
