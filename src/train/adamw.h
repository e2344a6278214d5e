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

// Holds, for a span of the flat parameters, the f32 master values and both moments. Where the
// parameters work in f32 they are their own master values; else these are kept beside them, and
// every update is rounded into the working values. The parameters must be trainable and outlive it.
class AdamW {
 public:
  AdamW(Backend& backend, const Parameters& parameters, const AdamWSpec& spec);  // all of them
  AdamW(Backend& backend, const Parameters& parameters, const AdamWSpec& spec, FlatSpan span);

  // Takes master values from the parameters as they were before they were rounded to the working
  // type. Without this they begin as the rounded ones.
  void start_from(const Parameters& exact);

  // One update with gradients times `grad_scale`.
  void step(double lr, float grad_scale);
  // Rounds the master values into the working values, as an update does: after changing them.
  void publish();

  int64_t updates() const { return updates_; }  // made so far
  void set_updates(int64_t updates) { updates_ = updates; }
  FlatSpan span() const { return span_; }
  Allocator& memory() const { return backend_; }    // where the numbers below lie
  bool mixed() const;                               // are the master values a buffer of their own?
  const Tensor& master() const { return master_; }  // [span().size()] f32, as the next two
  const Tensor& first_moment() const { return m_; }
  const Tensor& second_moment() const { return v_; }

 private:
  struct Run {
    FlatSpan span;
    bool decays;
  };

  Backend& backend_;
  const Parameters& parameters_;
  AdamWSpec spec_;
  FlatSpan span_;
  std::vector<Run> runs_;  // neighbours of equal decay, joined
  Tensor master_, m_, v_;
  int64_t updates_ = 0;
};

}  // namespace slm
