// The whole of automatic differentiation: remembers, in execution order, how to push a gradient
// back through each op.
//
// Gradients mirror storages: the gradient of a view is the same view of the gradient. A bound
// parameter accumulates into the buffer it was bound to. An activation's gradient is allocated when
// the first op writes it, overwritten by that write when it covers the storage (beta 0) and zeroed
// first when it does not, and freed when the op that made the activation has been replayed. One
// tape per step, one thread.
#pragma once

#include <functional>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/allocator.h"

namespace slm {

// Where an op adds a gradient: write beta * grad + new. Empty: nobody wants it.
struct GradSlot {
  Tensor grad;
  float beta = 0;
  explicit operator bool() const { return bool(grad); }
};

class Tape {
 public:
  // Every gradient is `loss_scale` times the derivative of the loss: in f16, what would round to
  // zero stays a number.
  explicit Tape(Allocator& memory, float loss_scale = 1)
      : memory_(memory), loss_scale_(loss_scale) {}
  // A tape for recomputing a piece of what `outer` recorded: knows outer's bound parameters, not
  // its activations.
  Tape(Allocator& memory, Tape& outer)
      : memory_(memory), outer_(&outer), loss_scale_(outer.loss_scale_) {}
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // Adds dL/d(leaf) into `grad`, of the same element count; with beta 0 what is there is
  // overwritten, with beta 1 added to.
  void bind(const Tensor& leaf, const Tensor& grad, float beta = 1);

  bool wants(
      const Tensor& t) const;      // lies anything bound upstream of t? false for an absent tensor
  GradSlot slot(const Tensor& t);  // where to add dL/dt; empty when not wanted

  // `out` was just computed; `back` receives dL/d(out) and adds to the slots of the op's inputs.
  void record(const Tensor& out, std::function<void(const Tensor& d_out)> back);

  // `passed` is called in the backward pass when everything recorded after this has been replayed.
  void mark(std::function<void()> passed);

  void backward(const Tensor& loss);  // seeds a one-element f32 loss with loss_scale
  void backward(const Tensor& out, const Tensor& d_out);  // seeds any recorded tensor
  float loss_scale() const { return loss_scale_; }

 private:
  struct Binding {
    Tensor leaf, grad;
    float beta;
  };
  struct Record {
    Tensor out;
    std::function<void(const Tensor&)> back;
  };
  Binding* find_binding(const Tensor& t);
  const Binding* find_binding(const Tensor& t) const {
    return const_cast<Tape*>(this)->find_binding(t);
  }

  Allocator& memory_;
  Tape* outer_ = nullptr;
  float loss_scale_;
  std::unordered_map<const Storage*, std::map<int64_t, Binding>>
      bindings_;  // by first element within the storage
  std::unordered_set<const Storage*> recorded_;
  std::unordered_map<const Storage*, Tensor> grads_;  // of activations: one flat tensor per storage
  std::vector<Record> records_;
};

}  // namespace slm
