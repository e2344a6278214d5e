// A device that is not there: a backend whose tensors lie in pages that nobody but its own calls
// may touch, as they would in the memory of a GPU. Whatever computes on it and ends with the right
// numbers left nothing to chance; whoever reads or writes such a tensor itself dies at that line.
//
// Each call opens the tensors it is given, has another backend compute, and closes them. It refuses
// tensors of the host but where backend/arguments.h allows them.
#pragma once

#include <memory>

#include "backend/backend.h"

namespace slm::testing {

class FarBackend final : public Backend {
 public:
  explicit FarBackend(std::unique_ptr<Backend> inner, int64_t free_memory = int64_t{1} << 33)
      : inner_(std::move(inner)), free_memory_(free_memory) {}

  std::string description() const override { return inner_->description(); }
  Device device() const override { return Device::kCuda; }
  int64_t free_memory() const override { return free_memory_; }  // what it is said to be
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
  std::unique_ptr<Backend> inner_;
  int64_t free_memory_;
};

// Over the cpu backend with this many threads, computing with quantised weights in f32.
std::unique_ptr<Backend> make_far_backend(int threads = 1);

}  // namespace slm::testing
