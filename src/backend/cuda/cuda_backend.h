// The backend of NVIDIA GPUs (compute capability 8.0 on). Every call puts its kernels on one stream
// and returns; copies to the host and sums of squares wait. Results are the same from run to run:
// sums have a fixed order and nothing is added atomically.
//
// Kernels compute in f32 from f32, bf16 or f16 in any mixture and round each result once. Products
// are cuBLASLt's (blas.h). Each kernel lies in a file of its name beside the call that launches it.
#pragma once

#include "backend/backend.h"
#include "backend/cuda/blas.h"
#include "backend/cuda/context.h"

namespace slm::cuda {

class CudaBackend final : public Backend {
 public:
  explicit CudaBackend(const BackendOptions& options);

  std::string description() const override;  // "cuda (NVIDIA H100, device 0)"
  Device device() const override { return Device::kCuda; }
  int64_t free_memory() const override { return context_.free_memory(); }
  Tensor empty(const Shape& shape, DType dtype) override;
  void zero(const Tensor& t) override;
  void copy(const Tensor& from, const Tensor& to) override;
  void copy_rows(const Tensor& from, const Tensor& to, std::span<const RowRun> runs) override;

  void add(const AddArgs& a) override;
  void accumulate(float alpha, const Tensor& x, const GradSlot& into) override;
  double sum_squares(const Tensor& x) override;
  std::vector<double> block_squares(const Tensor& x, int64_t block) override;
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

 private:
  void gemm_decoded(GemmArgs a);

  CudaContext context_;
  Blas blas_;
  const bool exact_;
};

}  // namespace slm::cuda
