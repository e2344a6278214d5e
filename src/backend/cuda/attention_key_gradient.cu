// Attention backward in bf16 and f16, the gradients of keys and values: tiles of keys stay, tiles
// of the queries of all heads that share them pass by. With the names of attention_query_gradient:
//   dk = scale ds' q,  dv = (p f)' dy
// Scores are computed transposed, keys by queries: as they come they are the left operands of both
// products.
#include "backend/cuda/attention_derivative.cuh"
#include "backend/cuda/launch.h"

namespace slm::cuda {
namespace {

// A warp owns 16 * kRowTiles keys. The sums of dk and dv are what fills the registers: a block has
// kColumns columns of them, and large heads take several blocks, each of which computes the scores.
template <class T_, int kSize_, int kColumns_, int kRowTiles_, int kQueries_>
struct Tiling {
  using T = T_;
  static constexpr int kSize = kSize_, kColumns = kColumns_, kRowTiles = kRowTiles_;
  static constexpr int kQueries = kQueries_, kWarps = 4;
  static constexpr int kThreads = 32 * kWarps, kWarpRows = 16 * kRowTiles;
  static constexpr int kKeys = kWarps * kWarpRows, kQueryTiles = kQueries / 8;
  static constexpr int kStride = kTileStride<kSize>, kColumnTiles = kColumns / 8;
  static constexpr int kStage = 2 * kQueries * kStride;  // queries, then dy
  static constexpr int kStageRows = 2 * kQueries;        // lse in units of log 2, then drift
  static constexpr int kShared =
      (2 * kKeys * kStride + 2 * kStage) * int(sizeof(T)) + 2 * kStageRows * int(sizeof(float));
  static_assert(kSize % kColumns == 0);
};

template <class S>
struct Sums {
  float dk[S::kRowTiles][S::kColumnTiles][4], dv[S::kRowTiles][S::kColumnTiles][4];
};

// rows: of the stage
template <class S, bool kDrop>
__device__ __forceinline__ void meet(const AttentionView& a, const AttentionWork& w, int head,
                                     int query, int key, int column, const typename S::T* keys,
                                     const typename S::T* stage, const float* rows, Sums<S>& sums) {
  if (!meet_at_all(a, w, query, S::kQueries, key, S::kWarpRows)) return;
  auto place = place_of<true>(a, w, head, query, S::kQueries, key, S::kWarpRows);
  float scores[S::kRowTiles][S::kQueryTiles][4], dp[S::kRowTiles][S::kQueryTiles][4];
  clear(scores), clear(dp);
  add_dots<S::kSize>(keys, stage, scores);
  add_dots<S::kSize>(keys + S::kKeys * S::kStride, stage + S::kStage / 2, dp);
  to_logits(a, place, scores);
  rows += int(threadIdx.x) % 4 * 2;
  each_of(scores, [&](int m, int n, int i, float& s) {  // become p f, and dp becomes ds
    float p = exp2f(s - rows[8 * n + i % 2]), drift = rows[S::kQueries + 8 * n + i % 2];
    float& d = dp[m][n][i];
    if constexpr (kDrop) {
      float kept = kept_factor(a, place, w.q_begin, head, m, n, i);
      s = p * kept;
      d = p * (kept * d - drift);
    } else {
      s = p;
      d = p * (d - drift);
    }
  });
  add_weighted<S::kSize>(scores, stage + S::kStage / 2 + column, sums.dv);
  add_weighted<S::kSize>(dp, stage + column, sums.dk);
}

// Queries that see keys of the block, in tiles.
struct QueryRange {
  int begin, end;
};
template <class S>
__device__ inline QueryRange seeing(const AttentionView& a, const AttentionWork& w) {
  int offset = w.k_len - w.q_len, last_key = min(w.first + S::kKeys, w.k_len) - 1;
  int end = a.window < w.k_len ? min(w.q_len, last_key + a.window - offset) : w.q_len;
  return {max(0, w.first - offset) / S::kQueries,
          end > 0 ? (end + S::kQueries - 1) / S::kQueries : 0};
}

// The tile'th run of queries of a head, with what belongs to its rows.
template <class S>
__device__ inline void fetch_stage(const AttentionView& a, const AttentionWork& w, int head,
                                   int query, const AttentionDerivative& d, typename S::T* stage,
                                   float* rows) {
  using T = typename S::T;
  int left = w.q_len - query, size = round_up(a.size, kPiece);
  int64_t row = w.q_begin + query;
  fetch_rows<S::kQueries, S::kSize, S::kThreads>(a.q.at<T>(row, head), a.q.token, left, size,
                                                 stage);
  fetch_rows<S::kQueries, S::kSize, S::kThreads>(d.dy.at<T>(row, head), d.dy.token, left, size,
                                                 stage + S::kStage / 2);
  for (int i = int(threadIdx.x); i < S::kQueries; i += S::kThreads) {
    int64_t at = (row + i) * a.heads + head;
    rows[i] = i < left ? d.lse[at] * kLog2E : INFINITY;
    rows[S::kQueries + i] = i < left ? d.drift[at] : 0;
  }
}

template <class S, bool kDrop>
__global__ void __launch_bounds__(S::kThreads)
    key_gradient_kernel(AttentionView a, const AttentionWork* works, AttentionDerivative d) {
  using T = typename S::T;
  auto* keys = dynamic_shared<T>();
  T* stages = keys + 2 * S::kKeys * S::kStride;
  auto* rows = reinterpret_cast<float*>(stages + 2 * S::kStage);
  int kv_heads = a.heads / a.group, kv_head = int(blockIdx.x) % kv_heads;
  AttentionWork w = works[blockIdx.x / unsigned(kv_heads)];
  int column = int(blockIdx.y) * S::kColumns;
  auto fetch_keys = [&](const HeadRows& from, T* tile) {
    fetch_rows<S::kKeys, S::kSize, S::kThreads>(from.at<T>(w.k_begin + w.first, kv_head),
                                                from.token, w.k_len - w.first,
                                                round_up(a.size, kPiece), tile);
  };
  fetch_keys(a.k, keys);
  fetch_keys(a.v, keys + S::kKeys * S::kStride);
  QueryRange range = seeing<S>(a, w);
  int tiles = max(0, range.end - range.begin), visits = tiles * a.group;
  auto head_of = [&](int visit) { return kv_head * a.group + visit / tiles; };
  auto query_of = [&](int visit) { return (range.begin + visit % tiles) * S::kQueries; };
  auto fetch = [&](int visit) {
    if (visit < visits)
      fetch_stage<S>(a, w, head_of(visit), query_of(visit), d, stages + visit % 2 * S::kStage,
                     rows + visit % 2 * S::kStageRows);
    cp_async_commit();
  };
  fetch(0);
  int warp_row = int(threadIdx.x) / 32 * S::kWarpRows;
  Sums<S> sums;
  clear(sums.dk), clear(sums.dv);
  for (int visit = 0; visit < visits; ++visit) {
    fetch(visit + 1);
    cp_async_wait<1>();
    __syncthreads();
    meet<S, kDrop>(a, w, head_of(visit), query_of(visit), w.first + warp_row, column,
                   keys + warp_row * S::kStride, stages + visit % 2 * S::kStage,
                   rows + visit % 2 * S::kStageRows, sums);
    __syncthreads();
  }
  GradientRows to{w.k_begin, kv_head, a.size, w.first + warp_row, w.k_len, column};
  add_to_gradient(d.dk, to, a.scale, sums.dk);
  add_to_gradient(d.dv, to, 1, sums.dv);
}

template <class S>
void run_keys(CudaContext& cx, const AttentionView& a, const Segments& segments,
              const AttentionDerivative& d) {
  std::vector<AttentionWork> works = key_tiles(segments, S::kKeys);
  std::shared_ptr<AttentionWork> on_device = upload(cx, works);
  dim3 grid(blocks_for(works, a.heads / a.group), S::kSize / S::kColumns);
  launch(a.kept.all ? key_gradient_kernel<S, false> : key_gradient_kernel<S, true>, grid,
         S::kThreads, S::kShared, cx.stream(), a, on_device.get(), d);
}

template <int kSize, int kColumns, int kRowTiles, int kQueries>
constexpr DerivativeInstance instance() {
  return {kSize, run_keys<Tiling<bf16, kSize, kColumns, kRowTiles, kQueries>>,
          run_keys<Tiling<f16, kSize, kColumns, kRowTiles, kQueries>>};
}

constexpr DerivativeInstance kInstances[] = {
    instance<32, 32, 2, 32>(),   instance<64, 64, 2, 32>(),   instance<80, 80, 1, 64>(),
    instance<96, 96, 1, 64>(),   instance<128, 128, 1, 32>(), instance<160, 80, 1, 32>(),
    instance<256, 128, 1, 32>(),
};

}  // namespace

void key_gradient_tiles(CudaContext& cx, DType type, const AttentionView& a,
                        const Segments& segments, const AttentionDerivative& d) {
  instance_for(kInstances, a.size).of(type)(cx, a, segments, d);
}

}  // namespace slm::cuda
