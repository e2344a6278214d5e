// A backend that hands every call to another and keeps account of tensors: what was alive when they
// took the most memory, by the kind of call that wrote it first.
#pragma once

#include <map>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "backend/backend.h"

namespace slm {

class TracedBackend final : public Backend {
 public:
  explicit TracedBackend(Backend& inner) : inner_(inner) {}

  // Tensors made from here on are counted under this name, whatever writes them; empty: by kind.
  void name_next(std::string_view name) { name_ = name; }

  int64_t most_bytes() const;                                // of tensors alive at once
  std::map<std::string_view, int64_t> most_by_kind() const;  // bytes, at that moment

  std::string description() const override { return inner_.description(); }
  Device device() const override { return inner_.device(); }
  int64_t free_memory() const override { return inner_.free_memory(); }
  Tensor empty(const Shape& shape, DType dtype) override;
  void zero(const Tensor& t) override { inner_.zero(t); }
  void copy(const Tensor& from, const Tensor& to) override { inner_.copy(from, to); }
  void copy_rows(const Tensor& from, const Tensor& to, std::span<const RowRun> runs) override {
    inner_.copy_rows(from, to, runs);
  }
  void add(const AddArgs& a) override;
  void accumulate(float alpha, const Tensor& x, const GradSlot& into) override {
    inner_.accumulate(alpha, x, into);
  }
  double sum_squares(const Tensor& x) override { return inner_.sum_squares(x); }
  std::vector<double> block_squares(const Tensor& x, int64_t block) override {
    return inner_.block_squares(x, block);
  }
  void gemm(const GemmArgs& a) override;
  void column_sum(const ColumnSumArgs& a) override { inner_.column_sum(a); }
  void norm_forward(const NormArgs& a) override;
  void norm_backward(const NormArgs& a, const NormGrads& g) override { inner_.norm_backward(a, g); }
  void rope_table(const RopeTableArgs& a) override;
  void rope(const RopeArgs& a) override;
  void attention_forward(const AttentionArgs& a) override;
  void attention_backward(const AttentionArgs& a, const AttentionGrads& g) override {
    inner_.attention_backward(a, g);
  }
  void activation_forward(const ActivationArgs& a) override;
  void activation_backward(const ActivationArgs& a, const ActivationGrads& g) override {
    inner_.activation_backward(a, g);
  }
  void clip(const ClipArgs& a) override { inner_.clip(a); }
  void dropout(const DropoutArgs& a) override { inner_.dropout(a); }
  void embed_forward(const EmbedArgs& a) override;
  void embed_backward(const EmbedArgs& a, const EmbedGrads& g) override {
    inner_.embed_backward(a, g);
  }
  void cross_entropy(const CrossEntropyArgs& a) override;
  void adamw(const AdamWArgs& a) override { inner_.adamw(a); }

 private:
  // What is known of one block of memory; outlives it, since it may be named after a peak.
  struct Block {
    int64_t bytes;
    std::string_view kind;
  };
  struct Ledger {
    std::unordered_map<const Storage*, std::shared_ptr<Block>> alive;
    int64_t bytes = 0;
    int64_t most = 0;                             // when blocks were last let go
    std::vector<std::shared_ptr<Block>> at_most;  // alive then
    void note_peak();
    void remove(const Storage* storage);
  };
  void name(const Tensor& written, std::string_view kind);

  Backend& inner_;
  std::string_view name_;
  std::shared_ptr<Ledger> ledger_ = std::make_shared<Ledger>();
};

}  // namespace slm
