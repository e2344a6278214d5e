// Attention forward in f32 without tensor cores: eight warps of four queries each, keys pass by 32
// at a time, softmax runs along.
#include "backend/cuda/attention_plain.cuh"
#include "backend/cuda/launch.h"

namespace slm::cuda {
namespace plain {
namespace {

struct Running {
  float top[kWarpRows], sum[kWarpRows];
  Sums out;
};

// dots -> what the values are multiplied with. query: the warp's first; key: of this lane.
__device__ void soften(const AttentionView& a, const AttentionWork& w, int head, int query, int key,
                       float (&x)[kWarpRows], Running& run) {
  float slope = a.slope(head);
#pragma unroll
  for (int r = 0; r < kWarpRows; ++r) {
    int position = w.k_len - w.q_len + query + r;
    float logit = a.scale * x[r] + slope * float(key - position);
    if (!a.sees(position, key)) logit = -INFINITY;
    float top = fmaxf(run.top[r], warp_max(logit));
    float base = top == -INFINITY ? 0 : top, shrink = expf(run.top[r] - base);
    x[r] = expf(logit - base);
    run.top[r] = top;
    run.sum[r] = run.sum[r] * shrink + warp_sum(x[r]);
    if (!a.kept.all && !a.kept.keeps(w.q_begin + query + r, head, key)) x[r] = 0;
#pragma unroll
    for (int c = 0; c < kColumns; ++c) run.out.at[r][c] *= shrink;
  }
}

__global__ void __launch_bounds__(kThreads)
    forward_kernel(AttentionView a, const AttentionWork* works, AttentionResult to) {
  auto* weights = dynamic_shared<float>();
  float* queries = weights + kWeightFloats;
  float *keys = queries + tile_floats(a.size), *values = keys + tile_floats(a.size);
  AttentionWork w = works[blockIdx.x / unsigned(a.heads)];
  int head = int(blockIdx.x) % a.heads, kv_head = head / a.group, query = w.first + warp_row();
  load_rows(a.q.at<float>(w.q_begin + w.first, head), a.q.token, w.q_len - w.first, a.size,
            queries);
  Running run;
  run.out.clear();
  for (int r = 0; r < kWarpRows; ++r) run.top[r] = -INFINITY, run.sum[r] = 0;
  Range range = keys_seen(a, w);
  for (int key = range.begin * kRows; key < range.end * kRows; key += kRows) {
    load_rows(a.k.at<float>(w.k_begin + key, kv_head), a.k.token, w.k_len - key, a.size, keys);
    load_rows(a.v.at<float>(w.k_begin + key, kv_head), a.v.token, w.k_len - key, a.size, values);
    __syncthreads();
    float x[kWarpRows] = {};
    add_dots(queries + warp_row() * stride_of(a.size), keys, a.size, x);
    soften(a, w, head, query, key + lane_id(), x, run);
    Weights of_warp(weights);
    of_warp.put(x);
    add_weighted(of_warp, values, a.size, run.out);
    __syncthreads();
  }
  int64_t row = (w.q_begin + query) * a.heads + head;
  auto* y = static_cast<float*>(to.y);
  each_sum(run.out, w.q_len - query, a.size, [&](int r, int e, float sum) {
    y[(row + int64_t(r) * a.heads) * a.size + e] = a.kept.factor * sum / run.sum[r];
  });
  if (to.lse && lane_id() == 0)
    for (int r = 0; r < kWarpRows && query + r < w.q_len; ++r)
      to.lse[row + int64_t(r) * a.heads] = run.top[r] + logf(run.sum[r]);
}

}  // namespace
}  // namespace plain

void forward_plain(CudaContext& cx, const AttentionView& a, const Segments& segments,
                   const AttentionResult& to) {
  using namespace plain;
  std::vector<AttentionWork> works = query_tiles(segments, kRows, a.window);
  std::shared_ptr<AttentionWork> on_device = upload(cx, works);
  int shared = (kWeightFloats + 3 * tile_floats(a.size)) * int(sizeof(float));
  launch(forward_kernel, blocks_for(works, a.heads), kThreads, size_t(shared), cx.stream(), a,
         on_device.get(), to);
}

}  // namespace slm::cuda
