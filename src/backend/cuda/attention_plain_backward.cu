// Attention backward in f32 without tensor cores: the passes of attention_query_gradient.cu and
// attention_key_gradient.cu. A probability is e^(logit - lse), which is off by as much as lse was
// rounded; so the first pass also sums them, and what is made of them is divided by that sum.
#include "backend/cuda/attention_plain.cuh"
#include "backend/cuda/launch.h"

namespace slm::cuda {
namespace plain {
namespace {

// One probability and what it is multiplied with by dropout.
struct Probability {
  float p, kept;
};
__device__ Probability probability(const AttentionView& a, const AttentionWork& w, int head,
                                   float dot, float lse, int query, int key) {
  int position = w.k_len - w.q_len + query;
  if (query >= w.q_len || !a.sees(position, key)) return {0, 0};
  float logit = a.scale * dot + a.slope(head) * float(key - position);
  bool keeps = a.kept.all || a.kept.keeps(w.q_begin + query, head, key);
  return {expf(logit - lse), keeps ? a.kept.factor : 0};
}

__global__ void __launch_bounds__(kThreads)
    query_gradient_kernel(AttentionView a, const AttentionWork* works, AttentionDerivative d) {
  int floats = tile_floats(a.size), own = warp_row() * stride_of(a.size);
  auto* weights = dynamic_shared<float>();
  float *queries = weights + kWeightFloats, *dys = queries + floats;
  float *keys = dys + floats, *values = keys + floats;
  AttentionWork w = works[blockIdx.x / unsigned(a.heads)];
  int head = int(blockIdx.x) % a.heads, kv_head = head / a.group, query = w.first + warp_row();
  int64_t tile = w.q_begin + w.first, row = (w.q_begin + query) * a.heads + head;
  load_rows(a.q.at<float>(tile, head), a.q.token, w.q_len - w.first, a.size, queries);
  load_rows(d.dy.at<float>(tile, head), d.dy.token, w.q_len - w.first, a.size, dys);
  Sums dq;
  dq.clear();
  float totals[kWarpRows] = {};  // of this lane's keys
  Range range = keys_seen(a, w);
  for (int key = range.begin * kRows; key < range.end * kRows; key += kRows) {
    load_rows(a.k.at<float>(w.k_begin + key, kv_head), a.k.token, w.k_len - key, a.size, keys);
    load_rows(a.v.at<float>(w.k_begin + key, kv_head), a.v.token, w.k_len - key, a.size, values);
    __syncthreads();
    float x[kWarpRows] = {}, dp[kWarpRows] = {};
    add_dots(queries + own, keys, a.size, x);
    add_dots(dys + own, values, a.size, dp);
    for (int r = 0; r < kWarpRows; ++r) {
      bool valid = query + r < w.q_len;
      int64_t at = valid ? row + int64_t(r) * a.heads : row;
      float lse = valid ? d.lse[at] : 0, drift = valid ? d.drift[at] : 0;
      Probability of = probability(a, w, head, x[r], lse, query + r, key + lane_id());
      x[r] = of.p * (of.kept * dp[r] - drift);
      totals[r] += of.p;
    }
    Weights of_warp(weights);
    of_warp.put(x);
    add_weighted(of_warp, keys, a.size, dq);
    __syncthreads();
  }
  for (int r = 0; r < kWarpRows; ++r) {
    totals[r] = warp_sum(totals[r]);
    if (lane_id() == 0 && query + r < w.q_len) d.totals[row + int64_t(r) * a.heads] = totals[r];
  }
  if (!d.dq.data) return;
  each_sum(dq, w.q_len - query, a.size, [&](int r, int e, float sum) {
    d.dq.add((row + int64_t(r) * a.heads) * a.size + e, a.scale * sum / totals[r]);
  });
}

// One tile of keys of a segment, and the queries of one head that pass by it.
struct KeyTile {
  float *weights, *keys, *values, *queries, *dys;
  __device__ KeyTile(float* at, int floats)
      : weights(at),
        keys(at + kWeightFloats),
        values(keys + floats),
        queries(values + floats),
        dys(queries + floats) {}
};

struct KeySums {
  Sums dk, dv;
};

__device__ void pass(const AttentionView& a, const AttentionWork& w, int head, int query,
                     const AttentionDerivative& d, const KeyTile& t, KeySums& sums) {
  int own = warp_row() * stride_of(a.size), lane_query = query + lane_id();
  int64_t at = (w.q_begin + lane_query) * a.heads + head;
  bool valid = lane_query < w.q_len;
  float lse = valid ? d.lse[at] : 0, drift = valid ? d.drift[at] : 0;
  float share = valid ? 1 / d.totals[at] : 0;
  float p[kWarpRows] = {}, ds[kWarpRows] = {};
  add_dots(t.keys + own, t.queries, a.size, p);
  add_dots(t.values + own, t.dys, a.size, ds);
  for (int r = 0; r < kWarpRows; ++r) {
    Probability of = probability(a, w, head, p[r], lse, lane_query, w.first + warp_row() + r);
    of.p *= share;
    p[r] = of.p * of.kept;
    ds[r] = of.p * (of.kept * ds[r] - drift);
  }
  Weights of_warp(t.weights);
  of_warp.put(p);
  add_weighted(of_warp, t.dys, a.size, sums.dv);
  of_warp.put(ds);
  add_weighted(of_warp, t.queries, a.size, sums.dk);
}

__global__ void __launch_bounds__(kThreads)
    key_gradient_kernel(AttentionView a, const AttentionWork* works, AttentionDerivative d) {
  KeyTile t(dynamic_shared<float>(), tile_floats(a.size));
  int kv_heads = a.heads / a.group, kv_head = int(blockIdx.x) % kv_heads;
  AttentionWork w = works[blockIdx.x / unsigned(kv_heads)];
  int key = w.first + warp_row(), begin = max(0, w.first - (w.k_len - w.q_len)) / kRows * kRows;
  load_rows(a.k.at<float>(w.k_begin + w.first, kv_head), a.k.token, w.k_len - w.first, a.size,
            t.keys);
  load_rows(a.v.at<float>(w.k_begin + w.first, kv_head), a.v.token, w.k_len - w.first, a.size,
            t.values);
  KeySums sums;
  sums.dk.clear(), sums.dv.clear();
  for (int head = kv_head * a.group; head < (kv_head + 1) * a.group; ++head)
    for (int query = begin; query < w.q_len; query += kRows) {
      int first = w.k_len - w.q_len + query;
      if (a.hidden(first, first + kRows - 1, w.first, w.first + kRows - 1)) continue;
      load_rows(a.q.at<float>(w.q_begin + query, head), a.q.token, w.q_len - query, a.size,
                t.queries);
      load_rows(d.dy.at<float>(w.q_begin + query, head), d.dy.token, w.q_len - query, a.size,
                t.dys);
      __syncthreads();
      pass(a, w, head, query, d, t, sums);
      __syncthreads();
    }
  int64_t row = (w.k_begin + key) * kv_heads + kv_head;
  auto index = [&](int r, int e) { return (row + int64_t(r) * kv_heads) * a.size + e; };
  if (d.dk.data)
    each_sum(sums.dk, w.k_len - key, a.size,
             [&](int r, int e, float sum) { d.dk.add(index(r, e), a.scale * sum); });
  if (d.dv.data)
    each_sum(sums.dv, w.k_len - key, a.size,
             [&](int r, int e, float sum) { d.dv.add(index(r, e), sum); });
}

size_t shared_bytes(int size) {
  return size_t(kWeightFloats + 4 * tile_floats(size)) * sizeof(float);
}

}  // namespace
}  // namespace plain

void query_gradient_plain(CudaContext& cx, const AttentionView& a, const Segments& segments,
                          const AttentionDerivative& d) {
  std::vector<AttentionWork> works = query_tiles(segments, plain::kRows, a.window);
  std::shared_ptr<AttentionWork> on_device = upload(cx, works);
  launch(plain::query_gradient_kernel, blocks_for(works, a.heads), plain::kThreads,
         plain::shared_bytes(a.size), cx.stream(), a, on_device.get(), d);
}

void key_gradient_plain(CudaContext& cx, const AttentionView& a, const Segments& segments,
                        const AttentionDerivative& d) {
  std::vector<AttentionWork> works = key_tiles(segments, plain::kRows);
  std::shared_ptr<AttentionWork> on_device = upload(cx, works);
  launch(plain::key_gradient_kernel, blocks_for(works, a.heads / a.group), plain::kThreads,
         plain::shared_bytes(a.size), cx.stream(), a, on_device.get(), d);
}

}  // namespace slm::cuda
