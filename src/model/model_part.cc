#include "model/model_part.h"

#include <algorithm>
#include <unordered_map>

#include "util/error.h"

namespace slm {
namespace {

int64_t share(std::string_view name, int64_t count, int64_t parts) {
  check(count % parts == 0, "[part] {} {} do not divide into {} parts", count, name, parts);
  return count / parts;
}

// A part as rectangle of a matrix, or a piece of a vector: `rows` stretches of `bytes`.
struct Window {
  int64_t rows, bytes;    // of the part
  int64_t begin, stride;  // where its first stretch begins in the whole, and the distance of two
};

Window window(const ParameterPart& p, DType dtype, int64_t part) {
  check(traits(dtype).block_elems == 1, "[part] \"{}\" is {}: blocks cannot be cut", p.spec.name,
        traits(dtype).name);
  int64_t bytes = bytes_of(dtype, p.spec.shape.elements());
  if (p.spec.shape[0] != p.whole[0]) return {1, bytes, part * bytes, 0};
  int64_t rows = p.whole[0], row = bytes / rows;
  return {rows, row, part * row, bytes_of(dtype, p.whole.elements()) / rows};
}

}  // namespace

ModelPart::ModelPart(const DecoderSpec& whole, int64_t part, int64_t parts)
    : whole_(whole), spec_(whole) {
  check(whole.parts == 1 && 0 <= part && part < parts, "[part] part {} of {}", part, parts);
  spec_.part = part;
  spec_.parts = parts;
  spec_.heads = share("heads", whole.heads, parts);
  spec_.kv_heads = share("kv heads", whole.kv_heads, parts);
  spec_.mlp_width = share("MLP channels", whole.mlp_width, parts);
  std::unordered_map<std::string, Shape> shapes;
  for (const ParameterSpec& p : parameter_specs(whole)) shapes.emplace(p.name, p.shape);
  for (ParameterSpec& p : parameter_specs(spec_)) {
    const Shape& shape = shapes.at(p.name);
    parameters_.push_back({std::move(p), shape});
  }
}

Tensor ModelPart::take(size_t i, const Tensor& whole) const {
  const ParameterPart& p = parameters_[i];
  check(whole.shape() == p.whole, "[part] \"{}\" is {}, expected {}", p.spec.name,
        whole.shape().to_string(), p.whole.to_string());
  if (!p.cut()) return whole;
  Window w = window(p, whole.dtype(), spec_.part);
  Tensor part = Tensor::host(p.spec.shape, whole.dtype());
  for (int64_t r = 0; r < w.rows; ++r)
    std::copy_n(whole.bytes_data() + w.begin + r * w.stride, w.bytes,
                part.bytes_data() + r * w.bytes);
  return part;
}

void ModelPart::put(size_t i, const Tensor& part, const Tensor& whole) const {
  const ParameterPart& p = parameters_[i];
  check(part.shape() == p.spec.shape && whole.shape() == p.whole && part.dtype() == whole.dtype(),
        "[part] \"{}\": {} into {}", p.spec.name, part.shape().to_string(),
        whole.shape().to_string());
  if (!p.cut()) {
    std::copy_n(part.bytes_data(), part.bytes(), whole.bytes_data());
    return;
  }
  Window w = window(p, whole.dtype(), spec_.part);
  for (int64_t r = 0; r < w.rows; ++r)
    std::copy_n(part.bytes_data() + r * w.bytes, w.bytes,
                whole.bytes_data() + w.begin + r * w.stride);
}

Parameters ModelPart::take(const Parameters& whole) const {
  Parameters parameters;
  for (size_t i = 0; i < parameters_.size(); ++i)
    parameters.add(parameters_[i].spec, take(i, whole.at(parameters_[i].spec.name)));
  return parameters;
}

}  // namespace slm
