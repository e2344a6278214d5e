// The contract a device fulfils, on one page. Raw kernels on already-checked tensors: no shape
// logic and no autograd above or below this line. At most 40 calls; a new one must serve two uses
// or be coarse.
//
// Results of one backend do not depend on its number of threads. Calls come from one thread at a
// time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "backend/arguments.h"
#include "core/allocator.h"

namespace slm {

class Backend : public Allocator {
 public:
  virtual std::string description() const = 0;  // "cpu (avx512, 2 threads, OpenBLAS)"

  virtual void copy(const Tensor& from,
                    const Tensor& to) = 0;  // same element count; float types, or into blocks
  virtual void add(const AddArgs& a) = 0;
  virtual void accumulate(float alpha, const Tensor& x,
                          const GradSlot& into) = 0;  // into = beta * into + alpha * x
  virtual double sum_squares(const Tensor& x) = 0;

  virtual void gemm(const GemmArgs& a) = 0;
  virtual void column_sum(const ColumnSumArgs& a) = 0;

  virtual void norm_forward(const NormArgs& a) = 0;
  virtual void norm_backward(const NormArgs& a, const NormGrads& g) = 0;  // needs a.stats, not a.y

  virtual void rope_table(const RopeTableArgs& a) = 0;
  virtual void rope(const RopeArgs& a) = 0;

  virtual void attention_forward(const AttentionArgs& a) = 0;
  virtual void attention_backward(const AttentionArgs& a,
                                  const AttentionGrads& g) = 0;  // needs a.y and a.lse

  virtual void activation_forward(const ActivationArgs& a) = 0;
  virtual void activation_backward(const ActivationArgs& a, const ActivationGrads& g) = 0;

  virtual void clip(const ClipArgs& a) = 0;
  virtual void dropout(const DropoutArgs& a) = 0;

  virtual void embed_forward(const EmbedArgs& a) = 0;
  virtual void embed_backward(const EmbedArgs& a, const EmbedGrads& g) = 0;

  virtual void cross_entropy(const CrossEntropyArgs& a) = 0;
  virtual void adamw(const AdamWArgs& a) = 0;
};

struct BackendOptions {
  int threads = 0;  // 0: one per core this process may use
  // "avx512bf16", "avx512vnni", "avx512", "avx2" or "portable"; empty: $STABLELM_CPU_ISA, or the
  // best this processor has.
  std::string isa;
  // Products in f32 whatever the weights. Otherwise the cpu backend rounds the other operand of
  // quantised weights to eight bits per number, each run of 32 with a scale of its own, and that of
  // bf16 weights to bf16 where the processor multiplies those in pairs: both are much faster.
  bool exact = false;
};

// Plain loops with double accumulators, one thread: the oracle of every test.
std::unique_ptr<Backend> make_reference_backend();
// Vectorised and threaded.
std::unique_ptr<Backend> make_cpu_backend(const BackendOptions& options = {});
// By name: "reference" or "cpu".
std::unique_ptr<Backend> make_backend(std::string_view name, const BackendOptions& options = {});

}  // namespace slm
