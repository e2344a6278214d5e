#include "train/optimizer_state.h"

#include <cstring>

namespace slm {
namespace {

void copy_numbers(const Tensor& from, Tensor& into) {
  if (!into || into.shape() != from.shape()) into = Tensor::host(from.shape(), DType::kF32);
  std::memcpy(into.data<float>(), from.data<float>(), size_t(from.elements()) * sizeof(float));
}

}  // namespace

OptimizerState view_of(const Parameters& parameters, const AdamW& optimizer) {
  return {optimizer.mixed() ? optimizer.master() : parameters.values(), optimizer.first_moment(),
          optimizer.second_moment(), optimizer.updates()};
}

void copy_state(const OptimizerState& from, OptimizerState& into) {
  copy_numbers(from.master, into.master);
  copy_numbers(from.m, into.m);
  copy_numbers(from.v, into.v);
  into.updates = from.updates;
}

}  // namespace slm
