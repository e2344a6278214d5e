// The vectorised, threaded backend: splits each call over the thread pool and hands the shares to
// the kernels of one instruction set (kernels.h). Shares are cut so that results do not depend on
// the number of threads.
//
// Kernels compute on f32, but for products with quantised weights (gemm_int8.cc). Operands in bf16
// or f16 are widened into scratch first and results narrowed afterwards (Input, Result); only
// gemm's weights, attention's keys and values and embedding tables, which are large and read often,
// are read in their own format. Block formats are refused but as weights and tables.
#pragma once

#include <functional>
#include <initializer_list>

#include "backend/backend.h"
#include "backend/cpu/block_cache.h"
#include "backend/cpu/isa.h"
#include "backend/cpu/packed_weights.h"
#include "util/thread_pool.h"

namespace slm::cpu {

Format format_of(const Tensor& t);  // error for what is no f32, bf16 or f16

// A matrix of an integer product.
struct Int8Weights {
  const Tensor& w;
  const Int8Kernels& kernels;
  int64_t panel_bytes = 0;
  const std::byte* packed = nullptr;  // all panels of w; null: they are packed on the way
  std::shared_ptr<std::byte> room;    // where they stay then; null: nowhere
};

class CpuBackend final : public Backend {
 public:
  // `dry`: only memory is asked for (backend/dry_backend.h).
  explicit CpuBackend(const BackendOptions& options, bool dry = false);

  std::string description() const override;
  int64_t most_bytes() const { return memory_->most_bytes(); }
  const PackedWeights& packed() const { return packed_; }
  Tensor empty(const Shape& shape, DType dtype) override;
  void zero(const Tensor& t) override;

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

 private:
  friend class Input;
  friend class Result;

  std::shared_ptr<float> scratch(int64_t floats);
  // body(begin, end) over shares of [0, count) rows
  void share(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t)>& body);
  // The same for single values. Shares begin at multiples of 64: a value is handled by a whole
  // register or by the end of a row no matter how many threads there are, as the two may round
  // differently.
  void share_values(int64_t count, int64_t grain,
                    const std::function<void(int64_t, int64_t)>& body);
  // body(i) for each of `count` jobs, each taken by the next free thread
  void jobs(int64_t count, const std::function<void(int64_t)>& body);

  // of a quantised tensor; null for another
  const BlockKernels* block_kernels(const Tensor& t) const;
  TokenRows token_rows(const Tensor& t) const;
  void pack_right(const GemmArgs& a, const PackJob& job, int64_t first_column);
  void gemm_tiled(const GemmArgs& a, float* c);
  void multiply_rows(const GemmArgs& a, const TileJob& whole, int64_t k);
  void gemm_dots(const GemmArgs& a, float* c);
  // Whether f32 is rounded to bf16 to meet bf16 weights in the instruction for pairs of them.
  bool rounds_to_pairs(const GemmArgs& a) const;
  Tensor in_bf16(const Tensor& t);  // in scratch
  // Where the other operand is rounded to eight bits; null: in f32.
  const Int8Kernels* int8_kernels(const GemmArgs& a) const;
  void gemm_int8(const GemmArgs& a, const Int8Kernels& kernels, float* c);
  int64_t panels_of(int64_t columns) const;
  void multiply_panels(const Int8Weights& w, const Int8Job& whole);
  void pack_panel(const Int8Weights& w, int64_t panel, std::byte* to);

  ThreadPool pool_;
  const CpuKernels& kernels_;
  const bool dry_, exact_;
  std::shared_ptr<BlockCache> memory_;
  PackedWeights packed_;
};

// A tensor to be read as f32: itself, or a widened copy. Null for an absent tensor.
class Input {
 public:
  Input(CpuBackend& backend, const Tensor& t);
  operator const float*() const { return data_; }

 private:
  std::shared_ptr<float> copy_;
  const float* data_ = nullptr;
};

// A tensor to be written as f32, as beta * tensor + new: itself, or scratch that is narrowed into
// the tensor at the end of the scope. Null for an absent tensor. Gradients of one tensor used twice
// share memory, so they must share scratch too: name the results made before as `others`.
class Result {
 public:
  Result(CpuBackend& backend, const Tensor& t, float beta = 0,
         std::initializer_list<const Result*> others = {});
  Result(CpuBackend& backend, const GradSlot& slot,
         std::initializer_list<const Result*> others = {})
      : Result(backend, slot.grad, slot.beta, others) {}
  ~Result();
  Result(const Result&) = delete;
  Result& operator=(const Result&) = delete;

  float* data() const { return data_; }
  operator Output() const { return {data_, beta_}; }
  void set_beta(float beta) { beta_ = beta; }

 private:
  CpuBackend& backend_;
  Tensor tensor_;
  std::shared_ptr<float> copy_;
  float* data_ = nullptr;
  float beta_;
};

}  // namespace slm::cpu
