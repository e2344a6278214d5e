// The oracle of every test: each kernel is the formula of its contract in plain loops, computed in
// double and rounded once, when the result is stored. Every float tensor may be f32, bf16, f16 or
// f64; with f64 the results are exact enough for central differences. One thread, host memory.
#pragma once

#include "backend/backend.h"

namespace slm {

class ReferenceBackend : public Backend {
 public:
  Tensor empty(const Shape& shape, DType dtype) override { return Tensor::host(shape, dtype); }
  void zero(const Tensor& t) override;
  std::string description() const override { return "reference (double, 1 thread)"; }

  void copy(const Tensor& from, const Tensor& to) override;
  void add(const AddArgs& a) override;
  void accumulate(float alpha, const Tensor& x, const GradSlot& into) override;
  double sum_squares(const Tensor& x) override;

  void gemm(const GemmArgs& a) override;
  void column_sum(const ColumnSumArgs& a) override;

  void norm_forward(const NormArgs& a) override;
  void norm_backward(const NormArgs& a, const NormGrads& g) override;

  void rope_table(const RopeTableArgs& a) override;
  void rope(const RopeArgs& a) override;

  void attention_forward(const AttentionArgs& a) override;
  void attention_backward(const AttentionArgs& a, const AttentionGrads& g) override;

  void activation_forward(const ActivationArgs& a) override;
  void activation_backward(const ActivationArgs& a, const ActivationGrads& g) override;

  void clip(const ClipArgs& a) override;
  void dropout(const DropoutArgs& a) override;
  void embed_forward(const EmbedArgs& a) override;
  void embed_backward(const EmbedArgs& a, const EmbedGrads& g) override;

  void cross_entropy(const CrossEntropyArgs& a) override;
  void adamw(const AdamWArgs& a) override;
};

}  // namespace slm
