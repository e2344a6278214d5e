#include "train/optimizer_state.h"

namespace slm {
namespace {

void copy_numbers(Allocator& memory, const Tensor& from, Tensor& into) {
  if (!into || into.shape() != from.shape()) into = Tensor::host(from.shape(), DType::kF32);
  memory.copy(from, into);
}

}  // namespace

OptimizerState view_of(const Parameters& parameters, const AdamW& optimizer) {
  return {optimizer.mixed() ? optimizer.master() : parameters.values(), optimizer.first_moment(),
          optimizer.second_moment(), optimizer.updates()};
}

void copy_state(Allocator& memory, const OptimizerState& from, OptimizerState& into) {
  copy_numbers(memory, from.master, into.master);
  copy_numbers(memory, from.m, into.m);
  copy_numbers(memory, from.v, into.v);
  into.updates = from.updates;
}

}  // namespace slm
