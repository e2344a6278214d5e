#include "train/data_parallel.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "comm/tree_order.h"
#include "util/error.h"

namespace slm {
namespace {

// The squares of so many gradients are summed by themselves, and shards are whole blocks: the norm
// is then the same sum of the same parts, whoever computes them. Small against a shard of 64.
int64_t block_size(int64_t count) {
  return std::max<int64_t>(64, int64_t(std::bit_floor(uint64_t(count))) / 4096);
}

std::vector<int64_t> shard_cuts(int64_t count, int parts) {
  int64_t block = block_size(count);
  std::vector<int64_t> cuts = even_cuts((count + block - 1) / block, parts);
  for (int64_t& cut : cuts) cut = std::min(cut * block, count);
  return cuts;
}

int halvings_left(int processes) { return kTreeLevels - tree_depth(processes, kTreeLevels); }

}  // namespace

int extra_gradient_buffers(int64_t sequences, int processes) {
  return tree_depth(sequences, halvings_left(processes));
}

DataParallel::DataParallel(Comm& comm, Backend& backend, const Parameters& parameters,
                           const DataParallelOptions& options)
    : comm_(comm),
      backend_(backend),
      parameters_(parameters),
      options_(options),
      cuts_(shard_cuts(parameters.count(), comm.size())),
      exchange_(comm, backend, parameters, cuts_, options.overlap, options.bucket),
      slots_{parameters.grads()} {
  check(parameters.trainable(), "[data parallel] the parameters are not trainable");
  check(!options.deterministic ||
            (std::has_single_bit(unsigned(comm.size())) && comm.size() <= 1 << kTreeLevels),
        "[data parallel] deterministic needs 1, 2, 4, 8, 16, 32 or 64 processes, these are {}: "
        "start that many, or leave deterministic out",
        comm.size());
}

FlatSpan DataParallel::span() const {
  if (options_.zero_stage == 0) return {0, parameters_.count()};
  return {cuts_[size_t(comm_.rank())], cuts_[size_t(comm_.rank()) + 1]};
}

// Adding zeros changes nothing: every value arrives everywhere as it was computed, and the sum is
// taken in one order.
double DataParallel::total(std::vector<double>& values) {
  comm_.all_reduce(std::span(values));
  double sum = 0;
  for (double v : values) sum += v;
  return sum;
}

StepSamples DataParallel::divided(StepSamples step) const {
  if (options_.deterministic) step.pieces = step.micro_batch;
  return step;
}

double DataParallel::sum_parts(int64_t parts, const std::function<double(int64_t part)>& compute) {
  std::vector<double> values(size_t(parts), 0.0);
  for (int64_t i = comm_.rank(); i < parts; i += comm_.size()) values[size_t(i)] = compute(i);
  return total(values);
}

double DataParallel::gradients(const StepSamples& step, const ComputePart& compute) {
  double loss =
      options_.deterministic ? deterministic(divided(step), compute) : fast(step, compute);
  PhaseClock::Scope waiting(step.clock, Phase::kReduce);
  exchange_.finish();
  // The parts computed the same; that they decide the same is not left to their machines.
  if (options_.row) options_.row->broadcast(std::as_writable_bytes(std::span(&loss, 1)), 0);
  if (options_.zero_stage == 0 && comm_.size() > 1) gather(parameters_.grads());
  return loss;
}

double DataParallel::fast(const StepSamples& step, const ComputePart& compute) {
  check(step.accumulate % comm_.size() == 0,
        "[data parallel] {} micro batches do not divide over {} processes", step.accumulate,
        comm_.size());
  backend_.zero(parameters_.grads());
  exchange_.begin([](FlatSpan) {});
  return sum_parts(step.accumulate, [&](int64_t i) {
    bool last = i + comm_.size() >= step.accumulate;
    return compute(step, i, {parameters_.grads(), last ? &exchange_.on_gradients() : nullptr});
  });
}

double DataParallel::deterministic(const StepSamples& step, const ComputePart& compute) {
  int64_t sequences = step.parts(), mine = sequences / comm_.size(), first = mine * comm_.rank();
  check(sequences % comm_.size() == 0, "[data parallel] {} sequences for {} processes", sequences,
        comm_.size());
  int levels = extra_gradient_buffers(mine, comm_.size());
  while (int(slots_.size()) <= levels)
    slots_.push_back(backend_.empty({parameters_.count()}, DType::kF32));

  // The last sequence completes the sums of all levels. They are taken bucket by bucket, before
  // each is sent.
  auto add = [this](FlatSpan part, int slot, int other) {
    backend_.accumulate(1, slots_[size_t(other)].slice(part.begin, part.end),
                        {slots_[size_t(slot)].slice(part.begin, part.end), 1});
  };
  exchange_.begin([add, levels](FlatSpan part) {
    for (int slot = levels; slot > 0; --slot) add(part, slot - 1, slot);
  });
  std::vector<double> losses(size_t(sequences), 0.0);
  bool last = false;
  tree_sum(
      first, mine, halvings_left(comm_.size()),
      [&](int64_t i, int slot, bool more) {
        if (!more) backend_.zero(slots_[size_t(slot)]);
        last = i + 1 == first + mine;
        losses[size_t(i)] =
            compute(step, i, {slots_[size_t(slot)], last ? &exchange_.on_gradients() : nullptr});
      },
      [&](int slot, int other) {
        if (!last) add({0, parameters_.count()}, slot, other);
      });
  return total(losses);
}

double DataParallel::gradient_norm() {
  int64_t count = parameters_.count(), block = block_size(count);
  std::vector<double> squares(size_t((count + block - 1) / block), 0.0);
  int64_t begin = cuts_[size_t(comm_.rank())], end = cuts_[size_t(comm_.rank()) + 1];
  if (!options_.row) {
    auto sums = backend_.block_squares(parameters_.grads().slice(begin, end), block);
    std::ranges::copy(sums, squares.begin() + begin / block);
  }
  for (int64_t at = begin; options_.row && at < end; at += block)
    squares[size_t(at / block)] = counted_squares({at, std::min(at + block, end)});
  double sum = total(squares);
  if (options_.row) options_.row->all_reduce(std::span(&sum, 1));
  return std::sqrt(sum);
}

double DataParallel::counted_squares(FlatSpan span) {
  double sum = 0;
  auto first = std::ranges::upper_bound(options_.counted, span.begin, {}, &FlatSpan::end);
  for (auto c = first; c != options_.counted.end() && c->begin < span.end; ++c)
    sum += backend_.sum_squares(
        parameters_.grads().slice(std::max(c->begin, span.begin), std::min(c->end, span.end)));
  return sum;
}

void DataParallel::share_values() {
  if (options_.zero_stage == 0 || comm_.size() == 1) return;
  gather(parameters_.values());
}

// Everybody's numbers of a flat buffer, on all.
void DataParallel::gather(const Tensor& flat) {
  std::vector<int64_t> bytes = cuts_;
  for (int64_t& cut : bytes) cut *= traits(flat.dtype()).block_bytes;
  change_on_host(backend_, flat, [&](const Tensor& t) {
    comm_.all_gather({t.bytes_data(), size_t(t.bytes())}, bytes);
  });
}

}  // namespace slm
