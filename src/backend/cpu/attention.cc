#include <algorithm>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "util/error.h"

namespace slm::cpu {
namespace {

constexpr int64_t kDecodeQueries = 4;  // up to here reading the keys once is all that counts

struct Pointers {
  const float *q, *slopes;
  float *y, *lse;
};

AttentionHead head_of(const AttentionArgs& a, const AttentionSegment& s, int64_t kv_head,
                      const Pointers& p) {
  int64_t heads = a.q.dim(1), kv_heads = a.k.dim(1), size = a.q.dim(2);
  int64_t group = heads / kv_heads, first = kv_head * group;
  int64_t q_at = (s.q_begin * heads + first) * size,
          kv_at = (s.k_begin * kv_heads + kv_head) * size;
  return {.q = p.q + q_at,
          .q_stride = heads * size,
          .k = a.k.bytes_data() + bytes_of(a.k.dtype(), kv_at),
          .v = a.v.bytes_data() + bytes_of(a.v.dtype(), kv_at),
          .k_format = format_of(a.k),
          .v_format = format_of(a.v),
          .kv_stride = kv_heads * size,
          .q_len = s.q_len,
          .k_len = s.k_len,
          .head_size = size,
          .group = group,
          .scale = a.scale,
          .window = a.window,
          .slopes = p.slopes ? p.slopes + first : nullptr,
          .y = p.y + q_at,
          .lse = p.lse ? p.lse + s.q_begin * heads + first : nullptr,
          .lse_stride = heads};
}

// Every row belongs to exactly one segment.
bool tiles_rows(std::span<const AttentionSegment> segments, int64_t rows,
                int64_t AttentionSegment::*begin, int64_t AttentionSegment::*length) {
  std::vector<AttentionSegment> sorted(segments.begin(), segments.end());
  std::ranges::sort(sorted, {}, begin);
  int64_t next = 0;
  for (const AttentionSegment& s : sorted) {
    if (s.*begin != next) return false;
    next += s.*length;
  }
  return next == rows;
}

}  // namespace

// A job is some query blocks of one kv head of one segment; heads are split further only when there
// are few, as each job packs the keys it needs.
void CpuBackend::attention_forward(const AttentionArgs& a) {
  Input q(*this, a.q);
  Result y(*this, a.y);
  Pointers pointers{q, a.slopes ? a.slopes.data<float>() : nullptr, y.data(),
                    a.lse ? a.lse.data<float>() : nullptr};
  int64_t kv_heads = a.k.dim(1), segments = int64_t(a.segments.size());
  int64_t splits =
      std::max<int64_t>(1, 4 * pool_.size() / std::max<int64_t>(1, kv_heads * segments));
  jobs(segments * kv_heads * splits, [&](int64_t i) {
    const AttentionSegment& s = a.segments[size_t(i / splits / kv_heads)];
    AttentionHead head = head_of(a, s, i / splits % kv_heads, pointers);
    bool decode = s.q_len <= kDecodeQueries;
    int64_t unit = decode ? s.q_len : kernels_.query_block;
    int64_t units = (s.q_len + unit - 1) / unit, part = i % splits;
    int64_t begin = units * part / splits * unit;
    int64_t end = std::min(s.q_len, units * (part + 1) / splits * unit);
    if (begin >= end) return;
    AttentionPass pass = decode ? AttentionPass::kDecode : AttentionPass::kForward;
    std::shared_ptr<float> memory = scratch(kernels_.attention_scratch(head, pass));
    head.scratch = memory.get();
    decode ? kernels_.attention_decode(head) : kernels_.attention_forward(head, begin, end);
  });
}

// A job owns the gradients of its rows, so no two threads add to one place. Segments that share
// keys (a common prompt) are taken in order by one job.
void CpuBackend::attention_backward(const AttentionArgs& a, const AttentionGrads& g) {
  Input q(*this, a.q), y(*this, a.y), dy(*this, g.dy);
  Result dq(*this, g.dq), dk(*this, g.dk, {&dq}), dv(*this, g.dv, {&dq, &dk});
  Pointers pointers{q, a.slopes ? a.slopes.data<float>() : nullptr, const_cast<float*>(+y),
                    a.lse.data<float>()};
  auto settle = [&](Result& out, const Tensor& grad) {  // rows without a segment get beta too
    if (!grad) return;
    if (Output(out).beta == 0) std::fill_n(out.data(), grad.elements(), 0.0f);
    if (Output(out).beta != 0 && Output(out).beta != 1)
      kernels_.widen(Format::kF32, out.data(), Output(out).beta, out.data(), grad.elements());
    out.set_beta(1);
  };
  bool keys_once =
      tiles_rows(a.segments, a.k.dim(0), &AttentionSegment::k_begin, &AttentionSegment::k_len);
  if (!tiles_rows(a.segments, a.q.dim(0), &AttentionSegment::q_begin, &AttentionSegment::q_len))
    settle(dq, g.dq.grad);
  if (!keys_once) settle(dk, g.dk.grad), settle(dv, g.dv.grad);

  int64_t kv_heads = a.k.dim(1), segments = int64_t(a.segments.size());
  auto run = [&](int64_t segment, int64_t kv_head) {
    const AttentionSegment& s = a.segments[size_t(segment)];
    AttentionHeadBack back{.forward = head_of(a, s, kv_head, pointers)};
    std::shared_ptr<float> memory =
        scratch(kernels_.attention_scratch(back.forward, AttentionPass::kBackward));
    back.forward.scratch = memory.get();
    int64_t q_at = back.forward.q - pointers.q, size = a.q.dim(2);
    int64_t kv_at = (s.k_begin * kv_heads + kv_head) * size;
    auto at = [](Output out, int64_t offset) {
      return Output{out.data ? out.data + offset : nullptr, out.beta};
    };
    back.dy = dy + q_at;
    back.dq = at(dq, q_at);
    back.dk = at(dk, kv_at);
    back.dv = at(dv, kv_at);
    kernels_.attention_backward(back);
  };
  if (keys_once)
    jobs(segments * kv_heads, [&](int64_t i) { run(i / kv_heads, i % kv_heads); });
  else
    jobs(kv_heads, [&](int64_t head) {
      for (int64_t s = 0; s < segments; ++s) run(s, head);
    });
}

}  // namespace slm::cpu
