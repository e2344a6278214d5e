#include <algorithm>
#include <vector>

#include "backend/cpu/attention_jobs.h"
#include "backend/cpu/cpu_backend.h"
#include "util/error.h"

namespace slm::cpu {
namespace {

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

TokenRows CpuBackend::token_rows(const Tensor& t) const {
  TokenRows rows{.data = t.bytes_data(), .stride = t.dim(0) ? t.elements() / t.dim(0) : 0};
  if (const BlockKernels* blocks = block_kernels(t)) {
    rows.decode = blocks->decode;
    rows.block_bytes = traits(t.dtype()).block_bytes;
  } else {
    rows.format = format_of(t);
  }
  return rows;
}

void CpuBackend::attention_forward(const AttentionArgs& a) {
  Input q(*this, a.q);
  Result y(*this, a.y);
  AttentionPointers pointers{q,
                             a.slopes ? a.slopes.data<float>() : nullptr,
                             y.data(),
                             a.lse ? a.lse.data<float>() : nullptr,
                             token_rows(a.k),
                             token_rows(a.v)};
  ForwardPlan plan = plan_forward(a, pool_.size(), kernels_.query_block);
  std::shared_ptr<float> sums = scratch(plan.sums);
  int64_t row = a.q.dim(2) + 2;
  jobs(int64_t(plan.jobs.size()), [&](int64_t i) {
    const ForwardJob& job = plan.jobs[size_t(i)];
    AttentionHead head = head_of(a, job.segment, job.kv_begin, pointers);
    head.kv_heads = job.kv_end - job.kv_begin;
    bool decode = decodes(a, job.segment);
    AttentionPass pass = decode ? AttentionPass::kDecode : AttentionPass::kForward;
    std::shared_ptr<float> memory = scratch(kernels_.attention_scratch(head, pass));
    head.scratch = memory.get();
    if (!decode) return kernels_.attention_forward(head, job.begin, job.end);
    float* at = job.sums < 0 ? nullptr : sums.get() + job.sums + job.kv_begin * head.group * row;
    kernels_.attention_decode(head, {job.begin, job.end, at, a.q.dim(1) * row});
  });
  jobs(int64_t(plan.merges.size()), [&](int64_t i) {
    const MergeJob& job = plan.merges[size_t(i)];
    int64_t rows = job.segment.q_len * a.q.dim(1);
    AttentionHead head = head_of(a, job.segment, 0, pointers);
    head.kv_heads = kv_heads_of(a);
    std::shared_ptr<float> memory = scratch(a.q.dim(2));
    head.scratch = memory.get();
    kernels_.attention_merge(head, {sums.get() + job.sums, job.shares, rows * row}, 0, rows);
  });
}

// A job owns the gradients of its rows, so no two threads add to one place. Segments that share
// keys (a common prompt) are taken in order by one job.
void CpuBackend::attention_backward(const AttentionArgs& a, const AttentionGrads& g) {
  Input q(*this, a.q), y(*this, a.y), dy(*this, g.dy);
  Result dq(*this, g.dq), dk(*this, g.dk, {&dq}), dv(*this, g.dv, {&dq, &dk});
  check(!a.k.quantized() && !a.v.quantized(), "[cpu] keys and values in {} have no gradients",
        traits(a.k.dtype()).name);
  AttentionPointers pointers{q,
                             a.slopes ? a.slopes.data<float>() : nullptr,
                             const_cast<float*>(+y),
                             a.lse.data<float>(),
                             token_rows(a.k),
                             token_rows(a.v)};
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
