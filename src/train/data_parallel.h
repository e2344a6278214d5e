// One optimiser step, shared by the processes of a job: each computes the gradients of some of the
// step's samples; the sums are spread over the processes (ZeRO stage 1: Rajbhandari et al., 2020),
// each updates its part of the parameters and hands the new values round. With one process the same
// code does it all itself.
//
// Two ways to sum. Fast: each process adds up its micro batches in one buffer, then sums meet in
// the fixed tree over processes: the same number of processes gives the same bits. Deterministic:
// gradients are computed sequence by sequence and added in one tree over the sequences of the step
// (comm/tree_order.h), of which each process has a whole branch: any number of processes gives the
// same bits, as does any split into micro batches.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "backend/backend.h"
#include "comm/comm.h"
#include "core/parameters.h"
#include "train/gradient_exchange.h"
#include "train/objective.h"

namespace slm {

struct DataParallelOptions {
  int64_t zero_stage = 1;  // 0: every process keeps and updates everything
  bool deterministic = false;
  bool overlap = true;       // send gradients while the backward pass goes on
  int64_t bucket = 1 << 22;  // gradients sent at a time, at the least

  // Of a process that holds a part of every block: those with the other parts, which make the same
  // steps with the same samples, and the numbers that the gradient norm counts here. Null: the
  // parameters are all there are.
  Comm* row = nullptr;
  std::vector<FlatSpan> counted = {};
};

// Levels of the deterministic tree. So many process counts (1, 2, 4 … 64) give the same bits, for
// that many more gradient buffers, at the most, on a single process.
inline constexpr int kTreeLevels = 6;
// Gradient buffers that `sequences` of one process need beside the first.
int extra_gradient_buffers(int64_t sequences, int processes);

// Where the gradients of a part of the step go.
struct GradientSink {
  const Tensor& grads;  // [count] f32, to be added to
  // For Context::on_gradients; null unless these are the last ones.
  const std::function<void(int64_t layer)>* on_gradients = nullptr;
};
// Computes part `part` of the step (a micro batch, or one sequence in the deterministic way) and
// returns its share of the loss.
using ComputePart = std::function<double(const StepSamples&, int64_t part, const GradientSink&)>;

// One thread at a time. Everything it is given must outlive it.
class DataParallel {
 public:
  DataParallel(Comm& comm, Backend& backend, const Parameters& parameters,
               const DataParallelOptions& options);

  // The numbers this process's optimiser updates.
  FlatSpan span() const;

  // The loss of the step. parameters.grads() then holds the gradients of span(), summed over all
  // processes; what else it holds is lost. `step` has the micro batches of all processes.
  double gradients(const StepSamples& step, const ComputePart& compute);
  // Of all gradients of the step, of all parts, on all processes.
  double gradient_norm();
  // Hands round the working values of span() after an update.
  void share_values();

  // The step in the parts in which its result does not depend on the number of processes.
  StepSamples divided(StepSamples step) const;
  // Sum over `parts` numbers, each computed by one process, in their order, on all processes.
  double sum_parts(int64_t parts, const std::function<double(int64_t part)>& compute);

 private:
  double fast(const StepSamples& step, const ComputePart& compute);
  double deterministic(const StepSamples& step, const ComputePart& compute);
  double total(std::vector<double>& values);
  void gather(const Tensor& flat);
  double counted_squares(FlatSpan span);

  Comm& comm_;
  Backend& backend_;
  const Parameters& parameters_;
  DataParallelOptions options_;
  std::vector<int64_t> cuts_;  // of the flat buffers, one piece per process, at whole blocks
  GradientExchange exchange_;
  std::vector<Tensor> slots_;  // of the deterministic tree; the first is parameters.grads()
};

}  // namespace slm
