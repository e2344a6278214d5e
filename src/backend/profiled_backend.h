// A backend that hands every call to another and keeps account: how long each kind of call took and
// how much it had to do. Results are those of the other backend.
#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "backend/backend.h"

namespace slm {

// All calls of one kind. Operations count a multiply-add as two, attention only the pairs a mask
// leaves; bytes are those of the operands, each once. Both are what the call must do, not what it
// does.
struct KernelAccount {
  std::string_view name;
  int64_t calls = 0;
  double seconds = 0;
  double cpu_seconds = 0;  // of all threads together: says more where other programs run too
  double flops = 0, bytes = 0;
};

double process_cpu_seconds();  // used so far, by all threads

class ProfiledBackend final : public Backend {
 public:
  explicit ProfiledBackend(Backend& inner) : inner_(inner) {}

  std::vector<KernelAccount> accounts() const;  // the longest first
  void reset() { accounts_.clear(); }
  // Off: calls are only handed on. A device that computes on its own is waited for after each call
  // that is watched, which takes time of its own.
  void watch(bool on) { watching_ = on; }

  std::string description() const override { return inner_.description(); }
  Device device() const override { return inner_.device(); }
  int64_t free_memory() const override { return inner_.free_memory(); }
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
  template <class Call>
  auto account(std::string_view name, double flops, double bytes, Call call);

  void wait();

  Backend& inner_;
  bool watching_ = true;
  Tensor waited_for_;
  std::map<std::string_view, KernelAccount> accounts_;
};

}  // namespace slm
