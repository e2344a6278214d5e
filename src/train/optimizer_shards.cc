#include "train/optimizer_shards.h"

#include <algorithm>

namespace slm {
namespace {

// The parts of all processes, on all.
std::vector<FlatSpan> spans_of_all(Comm& comm, FlatSpan own) {
  std::vector<double> ends(2 * size_t(comm.size()), 0.0);  // exact below 2^53
  ends[2 * size_t(comm.rank())] = double(own.begin);
  ends[2 * size_t(comm.rank()) + 1] = double(own.end);
  comm.all_reduce(std::span(ends));
  std::vector<FlatSpan> spans;
  for (size_t r = 0; r < ends.size() / 2; ++r)
    spans.push_back({int64_t(ends[2 * r]), int64_t(ends[2 * r + 1])});
  return spans;
}

void gather_numbers(Comm& comm, std::span<const FlatSpan> spans, const Tensor& own, int64_t count,
                    Tensor& into) {
  if (!comm.first()) return comm.send(std::as_bytes(own.span<const float>()), 0);
  if (!into || into.elements() != count) into = Tensor::host({count}, DType::kF32);
  for (int r = 0; r < comm.size(); ++r) {
    std::span<float> place = into.slice(spans[size_t(r)].begin, spans[size_t(r)].end).span<float>();
    if (r == 0)
      std::copy_n(own.data<float>(), place.size(), place.begin());
    else
      comm.receive(std::as_writable_bytes(place), r);
  }
}

}  // namespace

OptimizerState whole_state(Comm& comm, const Parameters& parameters, const AdamW& optimizer,
                           OptimizerState& buffer) {
  if (optimizer.span().size() == parameters.count())
    return comm.first() ? view_of(parameters, optimizer) : OptimizerState{};
  std::vector<FlatSpan> spans = spans_of_all(comm, optimizer.span());
  gather_numbers(comm, spans, optimizer.master(), parameters.count(), buffer.master);
  gather_numbers(comm, spans, optimizer.first_moment(), parameters.count(), buffer.m);
  gather_numbers(comm, spans, optimizer.second_moment(), parameters.count(), buffer.v);
  buffer.updates = optimizer.updates();
  return buffer;
}

}  // namespace slm
