// Attention forward in bf16 and f16: tiles of queries stay, tiles of keys pass by, softmax runs
// along (Dao et al., "FlashAttention", 2022; Dao, "FlashAttention-2", 2023).
#include "backend/cuda/attention_kernels.cuh"
#include "backend/cuda/attention_logits.cuh"
#include "backend/cuda/launch.h"

namespace slm::cuda {
namespace {

template <class T, int kSize, int kWarps, int kRowTiles, int kKeys>
using Tiling = QueryTiling<T, kSize, kWarps, kRowTiles, kKeys, 1>;

template <class S>
struct Running {
  float out[S::kRowTiles][S::kColumnTiles][4];
  float top[S::kRowTiles][2], sum[S::kRowTiles][2];  // sum: of this lane's keys
};

// Logits become 2^(logit - top), and what is summed so far shrinks accordingly.
template <class S>
__device__ __forceinline__ void soften(float (&logits)[S::kRowTiles][S::kKeyTiles][4],
                                       Running<S>& run) {
#pragma unroll
  for (int m = 0; m < S::kRowTiles; ++m)
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      float top = run.top[m][r], sum = 0;
#pragma unroll
      for (int n = 0; n < S::kKeyTiles; ++n)
        top = fmaxf(top, fmaxf(logits[m][n][2 * r], logits[m][n][2 * r + 1]));
      top = quad_max(top);
      float base = top == -INFINITY ? 0 : top;  // nothing seen so far: every term is 2^-inf
      float shrink = exp2f(run.top[m][r] - base);
#pragma unroll
      for (int n = 0; n < S::kKeyTiles; ++n)
#pragma unroll
        for (int i = 2 * r; i < 2 * r + 2; ++i)
          sum += logits[m][n][i] = exp2f(logits[m][n][i] - base);
      run.top[m][r] = top;
      run.sum[m][r] = run.sum[m][r] * shrink + sum;
#pragma unroll
      for (int n = 0; n < S::kColumnTiles; ++n)
#pragma unroll
        for (int i = 2 * r; i < 2 * r + 2; ++i) run.out[m][n][i] *= shrink;
    }
}

// The warp's queries begin at `query` of the segment, the keys of the stage at `key`.
template <class S, bool kDrop>
__device__ __forceinline__ void meet(const AttentionView& a, const AttentionWork& w, int head,
                                     int query, int key, const typename S::T* queries,
                                     const typename S::T* stage, Running<S>& run) {
  if (!meet_at_all(a, w, query, S::kWarpRows, key, S::kKeys)) return;
  auto place = place_of<false>(a, w, head, query, S::kWarpRows, key, S::kKeys);
  float scores[S::kRowTiles][S::kKeyTiles][4];
  clear(scores);
  add_dots<S::kSize>(queries, stage, scores);
  to_logits(a, place, scores);
  soften<S>(scores, run);
  if constexpr (kDrop)
    each_of(scores, [&](int m, int n, int i, float& p) {
      if (kept_factor(a, place, w.q_begin, head, m, n, i) == 0) p = 0;
    });
  add_weighted<S::kSize>(scores, stage + S::kStage / 2, run.out);
}

template <class S>
__device__ inline void write(const AttentionView& a, const AttentionWork& w, int head, int query,
                             const Running<S>& run, const AttentionResult& to) {
  int lane = int(threadIdx.x) % 32, column = lane % 4 * 2;
#pragma unroll
  for (int m = 0; m < S::kRowTiles; ++m)
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      float sum = quad_sum(run.sum[m][r]), share = a.kept.factor / sum;
      int i = query + 16 * m + 8 * r + lane / 4;
      if (i >= w.q_len) continue;
      int64_t row = (w.q_begin + i) * a.heads + head;
      auto store = [&](auto* y) {
#pragma unroll
        for (int n = 0; n < S::kColumnTiles; ++n)
          store_pair(y + row * a.size, 8 * n + column, a.size, share * run.out[m][n][2 * r],
                     share * run.out[m][n][2 * r + 1]);
      };
      if (to.wide)
        store(static_cast<float*>(to.y));
      else
        store(static_cast<typename S::T*>(to.y));
      if (to.lse && column == 0) to.lse[row] = run.top[m][r] * kLn2 + logf(sum);
    }
}

template <class S, bool kDrop>
__global__ void __launch_bounds__(S::kThreads)
    attention_forward_kernel(AttentionView a, const AttentionWork* works, AttentionResult to) {
  using T = typename S::T;
  auto* queries = dynamic_shared<T>();
  T* stages = queries + S::kQueries * S::kStride;
  AttentionWork w = works[blockIdx.x / unsigned(a.heads)];
  int head = int(blockIdx.x) % a.heads, kv_head = head / a.group;
  int offset = w.k_len - w.q_len, warp_row = int(threadIdx.x) / 32 * S::kWarpRows;
  auto fetch = [&](int tile) {
    T* stage = stages + tile % 2 * S::kStage;
    int key = tile * S::kKeys, size = round_up(a.size, kPiece);
    fetch_rows<S::kKeys, S::kSize, S::kThreads>(a.k.at<T>(w.k_begin + key, kv_head), a.k.token,
                                                w.k_len - key, size, stage);
    fetch_rows<S::kKeys, S::kSize, S::kThreads>(a.v.at<T>(w.k_begin + key, kv_head), a.v.token,
                                                w.k_len - key, size, stage + S::kStage / 2);
  };
  fetch_rows<S::kQueries, S::kSize, S::kThreads>(a.q.at<T>(w.q_begin + w.first, head), a.q.token,
                                                 w.q_len - w.first, round_up(a.size, kPiece),
                                                 queries);
  int begin = max(0, offset + w.first - a.window + 1) / S::kKeys;
  int end = (offset + min(w.first + S::kQueries, w.q_len) - 1) / S::kKeys + 1;
  fetch(begin);
  cp_async_commit();
  Running<S> run{};
  for (int m = 0; m < S::kRowTiles; ++m) run.top[m][0] = run.top[m][1] = -INFINITY;
  for (int tile = begin; tile < end; ++tile) {
    if (tile + 1 < end) fetch(tile + 1);
    cp_async_commit();
    cp_async_wait<1>();
    __syncthreads();
    meet<S, kDrop>(a, w, head, w.first + warp_row, tile * S::kKeys, queries + warp_row * S::kStride,
                   stages + tile % 2 * S::kStage, run);
    __syncthreads();
  }
  write<S>(a, w, head, w.first + warp_row, run, to);
}

template <class S>
void run_forward(CudaContext& cx, const AttentionView& a, const Segments& segments,
                 const AttentionResult& to) {
  std::vector<AttentionWork> works = query_tiles(segments, S::kQueries, a.window);
  std::shared_ptr<AttentionWork> on_device = upload(cx, works);
  launch(a.kept.all ? attention_forward_kernel<S, false> : attention_forward_kernel<S, true>,
         blocks_for(works, a.heads), S::kThreads, S::kShared, cx.stream(), a, on_device.get(), to);
}

struct Instance {
  int size;  // of heads, at most
  void (*bf16)(CudaContext&, const AttentionView&, const Segments&, const AttentionResult&);
  void (*f16)(CudaContext&, const AttentionView&, const Segments&, const AttentionResult&);
};
template <int kSize, int kWarps, int kRowTiles, int kKeys>
constexpr Instance instance() {
  return {kSize, run_forward<Tiling<bf16, kSize, kWarps, kRowTiles, kKeys>>,
          run_forward<Tiling<f16, kSize, kWarps, kRowTiles, kKeys>>};
}

constexpr Instance kInstances[] = {
    instance<32, 4, 2, 64>(),  instance<64, 4, 2, 64>(),  instance<80, 4, 2, 64>(),
    instance<96, 4, 2, 64>(),  instance<128, 4, 2, 32>(), instance<160, 8, 1, 64>(),
    instance<256, 8, 1, 32>(),
};

}  // namespace

void forward_tiles(CudaContext& cx, DType type, const AttentionView& a, const Segments& segments,
                   const AttentionResult& to) {
  const Instance& of_size = instance_for(kInstances, a.size);
  (type == DType::kBF16 ? of_size.bf16 : of_size.f16)(cx, a, segments, to);
}

}  // namespace slm::cuda
