// Attention backward in bf16 and f16, the gradient of the queries: tiles of queries stay, tiles of
// keys pass by. Probabilities are computed again from lse (Dao et al., 2022). With p the
// probabilities, f what dropout multiplies them with and dp = f dy v':
//   ds = p (dp - drift),  dq = scale ds k
// The other two are in attention_key_gradient.cu: scores are computed twice, but each gradient has
// one owner, so that nothing is added in an order that changes from run to run.
#include "backend/cuda/attention_derivative.cuh"
#include "backend/cuda/launch.h"

namespace slm::cuda {
namespace {

template <class T, int kSize, int kWarps, int kRowTiles, int kKeys>
using Tiling = QueryTiling<T, kSize, kWarps, kRowTiles, kKeys, 2>;

// Of a lane's queries.
template <class S>
struct Rows {
  float lse[S::kRowTiles][2], drift[S::kRowTiles][2];  // lse in units of log 2
};

template <class S>
__device__ inline Rows<S> rows_of(const AttentionView& a, const AttentionWork& w, int head,
                                  int query, const AttentionDerivative& d) {
  Rows<S> rows;
  for (int m = 0; m < S::kRowTiles; ++m)
    for (int r = 0; r < 2; ++r) {
      int i = query + 16 * m + 8 * r + int(threadIdx.x) % 32 / 4;
      int64_t at = (w.q_begin + i) * a.heads + head;
      bool valid = i < w.q_len;
      rows.lse[m][r] = valid ? d.lse[at] * kLog2E : INFINITY;
      rows.drift[m][r] = valid ? d.drift[at] : 0;
    }
  return rows;
}

template <class S, bool kDrop>
__device__ __forceinline__ void meet(const AttentionView& a, const AttentionWork& w, int head,
                                     int query, int key, const Rows<S>& rows,
                                     const typename S::T* queries, const typename S::T* stage,
                                     float (&dq)[S::kRowTiles][S::kColumnTiles][4]) {
  if (!meet_at_all(a, w, query, S::kWarpRows, key, S::kKeys)) return;
  auto place = place_of<false>(a, w, head, query, S::kWarpRows, key, S::kKeys);
  float scores[S::kRowTiles][S::kKeyTiles][4], dp[S::kRowTiles][S::kKeyTiles][4];
  clear(scores), clear(dp);
  add_dots<S::kSize>(queries, stage, scores);
  add_dots<S::kSize>(queries + S::kQueries * S::kStride, stage + S::kStage / 2, dp);
  to_logits(a, place, scores);
  each_of(dp, [&](int m, int n, int i, float& d) {  // becomes ds
    float p = exp2f(scores[m][n][i] - rows.lse[m][i / 2]);
    if constexpr (kDrop) d *= kept_factor(a, place, w.q_begin, head, m, n, i);
    d = p * (d - rows.drift[m][i / 2]);
  });
  add_weighted<S::kSize>(dp, stage, dq);
}

template <class S, bool kDrop>
__global__ void __launch_bounds__(S::kThreads)
    query_gradient_kernel(AttentionView a, const AttentionWork* works, AttentionDerivative d) {
  using T = typename S::T;
  auto* queries = dynamic_shared<T>();
  T* stages = queries + 2 * S::kQueries * S::kStride;
  AttentionWork w = works[blockIdx.x / unsigned(a.heads)];
  int head = int(blockIdx.x) % a.heads, kv_head = head / a.group;
  int offset = w.k_len - w.q_len, warp_row = int(threadIdx.x) / 32 * S::kWarpRows;
  auto fetch_queries = [&](const HeadRows& from, T* tile) {
    fetch_rows<S::kQueries, S::kSize, S::kThreads>(from.at<T>(w.q_begin + w.first, head),
                                                   from.token, w.q_len - w.first,
                                                   round_up(a.size, kPiece), tile);
  };
  auto fetch_keys = [&](const HeadRows& from, int key, T* tile) {
    fetch_rows<S::kKeys, S::kSize, S::kThreads>(from.at<T>(w.k_begin + key, kv_head), from.token,
                                                w.k_len - key, round_up(a.size, kPiece), tile);
  };
  auto fetch = [&](int tile) {
    T* stage = stages + tile % 2 * S::kStage;
    fetch_keys(a.k, tile * S::kKeys, stage);
    fetch_keys(a.v, tile * S::kKeys, stage + S::kStage / 2);
  };
  fetch_queries(a.q, queries);
  fetch_queries(d.dy, queries + S::kQueries * S::kStride);
  int begin = max(0, offset + w.first - a.window + 1) / S::kKeys;
  int end = (offset + min(w.first + S::kQueries, w.q_len) - 1) / S::kKeys + 1;
  fetch(begin);
  cp_async_commit();
  int query = w.first + warp_row;
  Rows<S> rows = rows_of<S>(a, w, head, query, d);
  float dq[S::kRowTiles][S::kColumnTiles][4];
  clear(dq);
  for (int tile = begin; tile < end; ++tile) {
    if (tile + 1 < end) fetch(tile + 1);
    cp_async_commit();
    cp_async_wait<1>();
    __syncthreads();
    meet<S, kDrop>(a, w, head, query, tile * S::kKeys, rows, queries + warp_row * S::kStride,
                   stages + tile % 2 * S::kStage, dq);
    __syncthreads();
  }
  add_to_gradient(d.dq, {w.q_begin, head, a.size, query, w.q_len, 0}, a.scale, dq);
}

template <class S>
void run_queries(CudaContext& cx, const AttentionView& a, const Segments& segments,
                 const AttentionDerivative& d) {
  std::vector<AttentionWork> works = query_tiles(segments, S::kQueries, a.window);
  std::shared_ptr<AttentionWork> on_device = upload(cx, works);
  launch(a.kept.all ? query_gradient_kernel<S, false> : query_gradient_kernel<S, true>,
         blocks_for(works, a.heads), S::kThreads, S::kShared, cx.stream(), a, on_device.get(), d);
}

template <int kSize, int kWarps, int kRowTiles, int kKeys>
constexpr DerivativeInstance instance() {
  return {kSize, run_queries<Tiling<bf16, kSize, kWarps, kRowTiles, kKeys>>,
          run_queries<Tiling<f16, kSize, kWarps, kRowTiles, kKeys>>};
}

constexpr DerivativeInstance kInstances[] = {
    instance<32, 4, 2, 32>(),  instance<64, 4, 2, 32>(),  instance<80, 4, 2, 32>(),
    instance<96, 4, 1, 64>(),  instance<128, 4, 1, 64>(), instance<160, 4, 1, 32>(),
    instance<256, 4, 1, 32>(),
};

}  // namespace

void query_gradient_tiles(CudaContext& cx, DType type, const AttentionView& a,
                          const Segments& segments, const AttentionDerivative& d) {
  instance_for(kInstances, a.size).of(type)(cx, a, segments, d);
}

}  // namespace slm::cuda
