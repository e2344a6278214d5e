#include "core/parameters.h"

#include "util/error.h"

namespace slm {

void Parameters::add(ParameterSpec spec, Tensor value) {
  check(value.shape() == spec.shape, "[parameters] \"{}\" has shape {}, expected {}", spec.name,
        value.shape().to_string(), spec.shape.to_string());
  check(index_.emplace(spec.name, items_.size()).second, "[parameters] \"{}\" appears twice",
        spec.name);
  value = placed(spec, value);
  items_.push_back({std::move(spec), std::move(value), {}});
}

void Parameters::place(Allocator& memory, Stays stays) {
  memory_ = &memory;
  stays_ = std::move(stays);
  for (Parameter& p : items_) p.value = placed(p.spec, p.value);
}

Tensor Parameters::placed(const ParameterSpec& spec, const Tensor& value) const {
  bool moves = memory_ && !(stays_ && stays_(spec));
  return moves ? to_device(*memory_, value) : value;
}

const Tensor& Parameters::at(std::string_view name) const {
  auto it = index_.find(std::string(name));
  if (it == index_.end())
    fail(ErrorKind::kNotFound, "[parameters] the model has no parameter \"{}\"", name);
  return items_[it->second].value;
}

Tensor Parameters::find(std::string_view name) const {
  auto it = index_.find(std::string(name));
  return it == index_.end() ? Tensor{} : items_[it->second].value;
}

int64_t Parameters::count() const {
  int64_t n = 0;
  for (const Parameter& p : items_) n += p.value.elements();
  return n;
}

int64_t Parameters::bytes() const {
  int64_t n = 0;
  for (const Parameter& p : items_) n += p.value.bytes();
  return n;
}

void Parameters::make_trainable(Allocator& memory, DType working) {
  check(working == DType::kF32 || working == DType::kBF16 || working == DType::kF16,
        "weights are trained in f32, bf16 or f16, not {}", traits(working).name);
  for (const Parameter& p : items_)
    check(!p.value.quantized(),
          "cannot train \"{}\", which is {}: training needs the weights as they were before "
          "quantising, in f32, bf16 or "
          "f16",
          p.spec.name, traits(p.value.dtype()).name);
  memory_ = &memory;
  stays_ = {};
  values_ = memory.empty({count()}, working);
  grads_ = memory.empty({count()}, DType::kF32);
  memory.zero(grads_);
  int64_t at = 0;
  for (Parameter& p : items_) {
    int64_t end = at + p.value.elements();
    Tensor place = values_.slice(at, end).reshape(p.spec.shape);
    // f64 is for the reference: other backends do not read it
    memory.copy(p.value.dtype() == DType::kF64 ? to_dtype(p.value, DType::kF32) : p.value, place);
    p.value = place;
    p.grad = grads_.slice(at, end).reshape(p.spec.shape);
    at = end;
  }
}

void Parameters::bind(Tape& tape) const {
  for (const Parameter& p : items_)
    if (p.grad) tape.bind(p.value, p.grad);
}

void Parameters::bind(Tape& tape, const Tensor& grads) const {
  check(trainable() && grads.elements() == count(), "[parameters] {} gradients for {} numbers",
        grads.elements(), count());
  int64_t at = 0;
  for (const Parameter& p : items_) {
    int64_t end = at + p.value.elements();
    tape.bind(p.value, grads.slice(at, end));
    at = end;
  }
}

}  // namespace slm
