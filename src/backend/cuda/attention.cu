#include <algorithm>
#include <limits>

#include "backend/cuda/attention.cuh"
#include "backend/cuda/attention_sources.h"
#include "backend/dropout_factors.h"

namespace slm::cuda {
namespace {

constexpr int kLargestHead = 256;

// The kernels of a type: on tensor cores, or plain.
struct Kernels {
  Layout layout;
  bool tiles;
};
Kernels kernels_for(const Tensor& q) {
  if (q.dtype() == DType::kF32) return {{DType::kF32, 1}, false};
  return {{q.dtype(), 8}, true};
}
Kernels kernels_for(const AttentionArgs& a, bool exact) {
  auto either = [&](DType type) { return a.k.dtype() == type || a.v.dtype() == type; };
  if (a.q.dtype() != DType::kF32 || exact || either(DType::kF32)) return kernels_for(a.q);
  return {{either(DType::kBF16) ? DType::kBF16 : DType::kF16, 8}, true};
}

AttentionView view_of(const AttentionArgs& a, const Tensor& slopes) {
  int64_t size = a.q.dim(2), row = a.k.shape().rank() == 3 ? a.k.dim(1) * a.k.dim(2) : a.k.dim(1);
  check(size <= kLargestHead, "[cuda] attention heads of {} values: at most {} are expected", size,
        kLargestHead);
  constexpr int64_t kAll = std::numeric_limits<int>::max();
  AttentionView view{.heads = int(a.q.dim(1)),
                     .group = int(a.q.dim(1) / (row / size)),
                     .size = int(size),
                     .scale = a.scale,
                     .window = int(a.window > 0 ? std::min(a.window, kAll) : kAll),
                     .slopes = device_data<const float>(slopes),
                     .kept = {}};
  if (a.dropout.rate > 0)
    view.kept = {.all = false,
                 .last = last_dropped(a.dropout.rate),
                 .factor = float(1 / (1 - a.dropout.rate)),
                 .seed = a.dropout.seed,
                 .stream = a.dropout.stream,
                 .first_row = uint64_t(a.dropout.first_row)};
  for (const AttentionSegment& s : a.segments)
    check(s.k_len <= kAll, "[cuda] {} keys in one segment: at most {} are expected", s.k_len, kAll);
  return view;
}

struct RowRange {
  int64_t begin, end;
};
RowRange rows_of(const Segments& segments, int64_t AttentionSegment::*begin,
                 int64_t AttentionSegment::*length) {
  RowRange range{std::numeric_limits<int64_t>::max(), 0};
  for (const AttentionSegment& s : segments) {
    range.begin = std::min(range.begin, s.*begin);
    range.end = std::max(range.end, s.*begin + s.*length);
  }
  return range;
}

HeadRows keys_of(CudaContext& cx, const Tensor& t, int size, Layout layout,
                 const Segments& segments, std::vector<Tensor>& memory) {
  RowRange rows = rows_of(segments, &AttentionSegment::k_begin, &AttentionSegment::k_len);
  return head_rows(cx, t, size, layout, rows.begin, rows.end, memory);
}
HeadRows queries_of(CudaContext& cx, const Tensor& t, Layout layout, std::vector<Tensor>& memory) {
  return head_rows(cx, t, int(t.dim(2)), layout, 0, t.dim(0), memory);
}

// Keys and values in one type are read where they are.
void decode_segments(CudaContext& cx, const AttentionArgs& a, AttentionView view,
                     const Segments& segments, const AttentionResult& to) {
  std::vector<Tensor> memory;
  DType type = a.k.dtype() == a.v.dtype() ? a.k.dtype() : a.q.dtype();
  view.q = queries_of(cx, a.q, {a.q.dtype(), 1}, memory);
  view.k = keys_of(cx, a.k, view.size, {type, 1}, segments, memory);
  view.v = keys_of(cx, a.v, view.size, {type, 1}, segments, memory);
  decode(cx, a.q.dtype(), type, view, segments, to);
}

AttentionGradient gradient(const GradSlot& slot, int heads) {
  if (!slot) return {};
  return {device_data<void>(slot.grad), slot.grad.dtype(), slot.beta, heads};
}

}  // namespace

void attention_forward(CudaContext& cx, const AttentionArgs& a, bool exact) {
  Segments few, many;
  for (const AttentionSegment& s : a.segments) (decodes(a, s) ? few : many).push_back(s);
  Tensor slopes = cx.on_device(a.slopes);
  AttentionView view = view_of(a, slopes);
  AttentionResult to{device_data<void>(a.y), device_data<float>(a.lse)};
  if (!few.empty()) decode_segments(cx, a, view, few, to);
  if (many.empty()) return;
  std::vector<Tensor> memory;
  Kernels kernels = kernels_for(a, exact);
  to.wide = kernels.layout.type != a.q.dtype();
  view.q = queries_of(cx, a.q, kernels.layout, memory);
  view.k = keys_of(cx, a.k, view.size, kernels.layout, many, memory);
  view.v = keys_of(cx, a.v, view.size, kernels.layout, many, memory);
  if (kernels.tiles)
    forward_tiles(cx, kernels.layout.type, view, many, to);
  else
    forward_plain(cx, view, many, to);
}

void attention_backward(CudaContext& cx, const AttentionArgs& a, const AttentionGrads& g) {
  check(!a.k.quantized() && !a.v.quantized(), "[cuda] keys and values in {} have no gradients",
        traits(a.k.dtype()).name);
  if (a.segments.empty() && !g.dq && !g.dk && !g.dv) return;
  Segments all(a.segments.begin(), a.segments.end());
  Tensor slopes = cx.on_device(a.slopes);
  AttentionView view = view_of(a, slopes);
  std::vector<Tensor> memory;
  Kernels kernels = kernels_for(a.q);
  view.q = queries_of(cx, a.q, kernels.layout, memory);
  view.k = keys_of(cx, a.k, view.size, kernels.layout, all, memory);
  view.v = keys_of(cx, a.v, view.size, kernels.layout, all, memory);
  int64_t rows = a.q.dim(0) * a.q.dim(1);
  std::shared_ptr<float> drift = cx.scratch<float>(rows),
                         totals = cx.scratch<float>(kernels.tiles ? 0 : rows);
  drift_of(cx, g.dy, a.y, drift.get());
  int kv_heads = view.heads / view.group;
  AttentionDerivative d{queries_of(cx, g.dy, kernels.layout, memory),
                        device_data<float>(a.lse),
                        drift.get(),
                        totals.get(),
                        gradient(g.dq, view.heads),
                        gradient(g.dk, kv_heads),
                        gradient(g.dv, kv_heads)};
  // The three may be one tensor: each is complete before the next is begun, but for dk and dv, of
  // which a thread writes the same numbers.
  if (!tiles_rows(a.segments, a.q.dim(0), &AttentionSegment::q_begin, &AttentionSegment::q_len))
    settle(cx, g.dq.grad, d.dq.beta);
  if (g.dq && kernels.tiles) query_gradient_tiles(cx, a.q.dtype(), view, all, d);
  if (!kernels.tiles) query_gradient_plain(cx, view, all, d);
  if (!tiles_rows(a.segments, a.k.dim(0), &AttentionSegment::k_begin, &AttentionSegment::k_len)) {
    settle(cx, g.dk.grad, d.dk.beta);
    settle(cx, g.dv.grad, d.dv.beta);
  }
  if (!g.dk && !g.dv) return;
  for (const Segments& part : disjoint_keys(a.segments))
    if (kernels.tiles)
      key_gradient_tiles(cx, a.q.dtype(), view, part, d);
    else
      key_gradient_plain(cx, view, part, d);
}

}  // namespace slm::cuda
