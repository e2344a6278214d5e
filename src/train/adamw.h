// AdamW over flat parameters (Loshchilov and Hutter, "Decoupled weight decay regularization",
// 2019).
#pragma once

#include <vector>

#include "backend/backend.h"
#include "core/parameters.h"

namespace slm {

struct AdamWSpec {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double weight_decay = 0.1;  // of everything but norms and biases
};

// Holds both moments, flat, in the order of the parameters. The parameters must be trainable and
// outlive it.
class AdamW {
 public:
  AdamW(Backend& backend, const Parameters& parameters, const AdamWSpec& spec);

  // One update with gradients times `grad_scale`.
  void step(double lr, float grad_scale);

  int64_t updates() const { return updates_; }  // made so far
  void set_updates(int64_t updates) { updates_ = updates; }
  const Tensor& first_moment() const { return m_; }   // [count] f32
  const Tensor& second_moment() const { return v_; }  // [count] f32

 private:
  struct Span {
    int64_t begin, end;
    bool decays;
  };

  Backend& backend_;
  const Parameters& parameters_;
  AdamWSpec spec_;
  std::vector<Span> spans_;  // neighbours of equal decay, joined
  Tensor m_, v_;
  int64_t updates_ = 0;
};

}  // namespace slm
