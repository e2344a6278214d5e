#include "train/optimizer_shards.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

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

// own: on the host
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

// Where each parameter of the whole model begins.
std::unordered_map<std::string, int64_t> flat_begins(const DecoderSpec& whole) {
  std::unordered_map<std::string, int64_t> begins;
  int64_t at = 0;
  for (const ParameterSpec& p : parameter_specs(whole)) {
    begins.emplace(p.name, at);
    at += p.shape.elements();
  }
  return begins;
}

// The numbers of one part, by it and by the first process. What all have whole is the first's.
void join_part(Comm& row, const ModelPart& part, const Tensor& own, const Tensor& into) {
  auto begins = flat_begins(part.whole());
  bool here = part.spec().part == row.rank();
  int64_t at = 0;
  for (size_t i = 0; i < part.parameters().size(); ++i) {
    const ParameterPart& p = part.parameters()[i];
    int64_t begin = std::exchange(at, at + p.spec.shape.elements());
    if (part.spec().part > 0 && !p.cut()) continue;
    Tensor numbers = here ? own.slice(begin, at) : Tensor::host({at - begin}, DType::kF32);
    if (!row.first()) {
      row.send(std::as_bytes(numbers.span<const float>()), 0);
      continue;
    }
    if (!here) row.receive(std::as_writable_bytes(numbers.span<float>()), int(part.spec().part));
    int64_t place = begins.at(p.spec.name);
    part.put(i, numbers.reshape(p.spec.shape),
             into.slice(place, place + p.whole.elements()).reshape(p.whole));
  }
}

// Flat numbers of the parts of a row, put together on the first process.
void join(Comm& row, const ModelPart& mine, const Tensor& own, Tensor& into) {
  int64_t count = 0;
  for (const ParameterSpec& p : parameter_specs(mine.whole())) count += p.shape.elements();
  if (row.first() && (!into || into.elements() != count)) into = Tensor::host({count}, DType::kF32);
  for (int part = 0; part < row.size(); ++part)
    if (row.first() || part == row.rank()) join_part(row, mine.other(part), own, into);
}

// The live numbers themselves, or copies in the buffer.
OptimizerState on_host(const OptimizerState& live, Allocator& memory, OptimizerState& buffer) {
  if (memory.device() == Device::kHost) return live;
  copy_state(memory, live, buffer);
  return buffer;
}

}  // namespace

OptimizerState whole_state(Comm& comm, const Parameters& parameters, const AdamW& optimizer,
                           OptimizerState& buffer) {
  if (optimizer.span().size() == parameters.count())
    return comm.first() ? on_host(view_of(parameters, optimizer), optimizer.memory(), buffer)
                        : OptimizerState{};
  std::vector<FlatSpan> spans = spans_of_all(comm, optimizer.span());
  auto gather = [&](const Tensor& own, Tensor& into) {
    gather_numbers(comm, spans, to_host(optimizer.memory(), own), parameters.count(), into);
  };
  gather(optimizer.master(), buffer.master);
  gather(optimizer.first_moment(), buffer.m);
  gather(optimizer.second_moment(), buffer.v);
  buffer.updates = optimizer.updates();
  return buffer;
}

OptimizerState whole_state(const ProcessGrid& grid, const ModelPart& mine,
                           const Parameters& parameters, const AdamW& optimizer,
                           OptimizerState& buffer) {
  if (!grid.row()) return whole_state(grid.all(), parameters, optimizer, buffer);
  OptimizerState gathered;
  OptimizerState part = whole_state(grid.column(), parameters, optimizer, gathered);
  if (!grid.column().first()) return {};
  join(*grid.row(), mine, part.master, buffer.master);
  join(*grid.row(), mine, part.m, buffer.m);
  join(*grid.row(), mine, part.v, buffer.v);
  buffer.updates = optimizer.updates();
  return buffer;
}

}  // namespace slm
