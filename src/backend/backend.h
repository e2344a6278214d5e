// The contract a device fulfils, on one page. Raw kernels on already-checked tensors: no shape
// logic and no autograd above or below this line. At most 40 calls; a new one must serve two uses
// or be coarse.
//
// Results of one backend do not depend on its number of threads. Calls come from one thread at a
// time, but not always the same one.
//
// All tensors of a call lie on device(), but for those that arguments.h lets lie on the host; what
// others need of them they copy (core/allocator.h). A call on a device other than the host may
// return before it is done: copy() to the host, sum_squares() and block_squares() wait for all
// before them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backend/arguments.h"
#include "core/allocator.h"

namespace slm {

class Backend : public Allocator {
 public:
  virtual std::string description() const = 0;  // "cpu (avx512, 2 threads, OpenBLAS)"
  // Bytes that tensors may still take where this computes. On the host: available_memory().
  virtual int64_t free_memory() const;

  // copy() of runs of rows, which have equally many elements in both.
  virtual void copy_rows(const Tensor& from, const Tensor& to, std::span<const RowRun> runs);
  virtual void add(const AddArgs& a) = 0;
  virtual void accumulate(float alpha, const Tensor& x,
                          const GradSlot& into) = 0;  // into = beta * into + alpha * x
  virtual double sum_squares(const Tensor& x) = 0;
  // The same of every `block` numbers; the last: of what is left.
  virtual std::vector<double> block_squares(const Tensor& x, int64_t block);

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
  // Products in f32 whatever the weights. Otherwise the other operand is rounded: beside quantised
  // weights to eight bits, each run of 32 with a scale of its own (cuda: to bf16), beside bf16 ones
  // to bf16 where the device multiplies those (cuda: beside f16 to tf32). Much faster.
  bool exact = false;
  int device = 0;  // of several GPUs, which one
};

// Plain loops with double accumulators, one thread: the oracle of every test.
std::unique_ptr<Backend> make_reference_backend();
// Vectorised and threaded.
std::unique_ptr<Backend> make_cpu_backend(const BackendOptions& options = {});
// On an NVIDIA GPU. Error where the build has no CUDA, or the machine no such device.
std::unique_ptr<Backend> make_cuda_backend(const BackendOptions& options = {});
bool cuda_available();  // make_cuda_backend would find a device

// By name: "cpu", "cuda", "reference", or "auto": cuda when a GPU is there, else cpu.
std::unique_ptr<Backend> make_backend(std::string_view name, const BackendOptions& options = {});
std::vector<std::string_view> backend_names();  // that make_backend knows
// "auto" as what it stands for here; error, with the likely name, for one that is not known.
std::string_view chosen_backend(std::string_view name);

}  // namespace slm
