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

// Decoding adds up in another order.
bool decodes(const AttentionSegment& s, bool uniform) {
  return !uniform && s.q_len <= kDecodeQueries;
}

struct ForwardJob {
  AttentionSegment segment;
  int64_t kv_begin, kv_end, q_begin, q_end;
};

// Work for all threads. Decoding shares out the heads in runs as long as may be, since those lie
// together in memory. Else a job is one kv head; its queries are shared out only when heads are
// few, as each job packs the keys it needs.
std::vector<ForwardJob> forward_jobs(const AttentionArgs& a, int64_t threads, int64_t block) {
  std::vector<ForwardJob> list;
  int64_t count = int64_t(a.segments.size()), kv_heads = a.k.dim(1);
  for (const AttentionSegment& s : a.segments) {
    if (decodes(s, a.uniform)) {
      int64_t runs = std::min((threads - 1) / count + 1, kv_heads);
      for (int64_t i = 0; i < runs; ++i)
        list.push_back({s, kv_heads * i / runs, kv_heads * (i + 1) / runs, 0, s.q_len});
      continue;
    }
    int64_t blocks = (s.q_len + block - 1) / block;
    int64_t parts = std::clamp<int64_t>(4 * threads / (count * kv_heads), 1, blocks);
    for (int64_t head = 0; head < kv_heads; ++head)
      for (int64_t i = 0; i < parts; ++i)
        list.push_back({s, head, head + 1, blocks * i / parts * block,
                        std::min(s.q_len, blocks * (i + 1) / parts * block)});
  }
  return list;
}

}  // namespace

void CpuBackend::attention_forward(const AttentionArgs& a) {
  Input q(*this, a.q);
  Result y(*this, a.y);
  Pointers pointers{q, a.slopes ? a.slopes.data<float>() : nullptr, y.data(),
                    a.lse ? a.lse.data<float>() : nullptr};
  std::vector<ForwardJob> list = forward_jobs(a, pool_.size(), kernels_.query_block);
  jobs(int64_t(list.size()), [&](int64_t i) {
    const ForwardJob& job = list[size_t(i)];
    AttentionHead head = head_of(a, job.segment, job.kv_begin, pointers);
    head.kv_heads = job.kv_end - job.kv_begin;
    bool decode = decodes(job.segment, a.uniform);
    AttentionPass pass = decode ? AttentionPass::kDecode : AttentionPass::kForward;
    std::shared_ptr<float> memory = scratch(kernels_.attention_scratch(head, pass));
    head.scratch = memory.get();
    decode ? kernels_.attention_decode(head)
           : kernels_.attention_forward(head, job.q_begin, job.q_end);
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
