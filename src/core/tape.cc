#include "core/tape.h"

#include <utility>

#include "util/error.h"

namespace slm {
namespace {

// The part of `mirror` (the gradient of everything from element `base` on) that mirrors t.
Tensor mirrored(const Tensor& mirror, const Tensor& t, int64_t base) {
  int64_t begin = t.element_offset() - base;
  return mirror.slice(begin, begin + t.elements()).reshape(t.shape());
}

}  // namespace

void Tape::bind(const Tensor& leaf, const Tensor& grad, float beta) {
  check(leaf.elements() == grad.elements(), "[tape] gradient {} for a leaf of shape {}",
        grad.shape().to_string(), leaf.shape().to_string());
  bindings_[leaf.storage()].insert_or_assign(leaf.element_offset(), Binding{leaf, grad, beta});
}

Tape::Binding* Tape::find_binding(const Tensor& t) {
  if (!t) return nullptr;
  if (auto storage = bindings_.find(t.storage()); storage != bindings_.end()) {
    auto after = storage->second.upper_bound(t.element_offset());
    if (after != storage->second.begin()) {
      auto& [begin, binding] = *std::prev(after);
      if (t.element_offset() + t.elements() <= begin + binding.leaf.elements()) return &binding;
    }
  }
  return outer_ ? outer_->find_binding(t) : nullptr;
}

bool Tape::wants(const Tensor& t) const {
  return t && (recorded_.contains(t.storage()) || find_binding(t));
}

GradSlot Tape::slot(const Tensor& t) {
  if (!t) return {};
  if (Binding* b = find_binding(t)) {
    bool whole = t.elements() == b->leaf.elements();
    if (!whole && b->beta == 0) memory_.zero(b->grad);
    float beta = whole ? b->beta : 1;
    b->beta = 1;
    return {mirrored(b->grad, t, b->leaf.element_offset()), beta};
  }
  if (!recorded_.contains(t.storage())) return {};
  Tensor& grad = grads_[t.storage()];
  if (grad) return {mirrored(grad, t, 0), 1};
  const DTypeTraits& format = traits(t.dtype());
  grad = memory_.empty({t.storage()->bytes / format.block_bytes * format.block_elems}, t.dtype());
  if (!t.covers_storage()) memory_.zero(grad);
  return {mirrored(grad, t, 0), t.covers_storage() ? 0.0f : 1.0f};
}

void Tape::record(const Tensor& out, std::function<void(const Tensor&)> back) {
  recorded_.insert(out.storage());
  records_.push_back({out, std::move(back)});
}

void Tape::mark(std::function<void()> passed) {
  records_.push_back({{}, [f = std::move(passed)](const Tensor&) { f(); }});
}

void Tape::backward(const Tensor& loss) {
  check(loss.elements() == 1 && loss.dtype() == DType::kF32,
        "[tape] a loss is one f32 number, this is {} {}", traits(loss.dtype()).name,
        loss.shape().to_string());
  Tensor seed = Tensor::of(std::span(&loss_scale_, 1), loss.shape());
  backward(loss, loss.device() == Device::kHost ? seed : to_device(memory_, seed));
}

void Tape::backward(const Tensor& out, const Tensor& d_out) {
  check(recorded_.contains(out.storage()) && out.covers_storage(),
        "[tape] backward from a tensor that was not recorded");
  grads_[out.storage()] = d_out.reshape({d_out.elements()});
  while (!records_.empty()) {
    Record record = std::move(records_.back());
    records_.pop_back();
    if (!record.out) {  // a mark
      record.back({});
      continue;
    }
    auto grad = grads_.find(record.out.storage());
    if (grad == grads_.end()) continue;  // no gradient reached this op's output
    Tensor d = mirrored(grad->second, record.out, 0);
    grads_.erase(grad);
    record.back(d);
  }
}

}  // namespace slm
