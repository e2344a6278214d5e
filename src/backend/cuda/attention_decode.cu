// Attention of few queries over many keys: the keys are shared out among blocks, whose sums are put
// together in a fixed order (flash-decoding; Dao et al., 2023). Keys and values are read once, as
// the cache holds them. Scores are made with a key per lane, sums with a column per lane.
#include "backend/cuda/any_number.cuh"
#include "backend/cuda/attention_kernels.cuh"
#include "backend/cuda/launch.h"
#include "backend/cuda/reduce.cuh"
#include "backend/cuda/row_readers.cuh"

namespace slm::cuda {
namespace {

constexpr int kWarps = 4, kThreads = 32 * kWarps;
constexpr int kColumns = 8, kLargest = 32 * kColumns;  // of a lane; of a head
constexpr int kMostRows = 4;                           // queries times heads of a block

struct DecodeArgs {
  AttentionView view;
  DType type;  // of q and y
  const AttentionWork* works;
  int chunks;  // of rows that share a kv head
  AttentionResult to;
  float* sums;  // [shares' queries, H, E + 2]: sums, denominator, top
};

// What a block looks at. Its rows are queries of all heads that share the kv head: row r is query
// r / group of the segment, head r % group of the group.
struct Place {
  AttentionWork w;
  int kv_head, first_row, rows;

  __device__ int query(const AttentionView& a, int r) const { return (first_row + r) / a.group; }
  __device__ int head(const AttentionView& a, int r) const {
    return kv_head * a.group + (first_row + r) % a.group;
  }
  __device__ int position(const AttentionView& a, int r) const {
    return w.k_len - w.q_len + query(a, r);
  }
};

template <int kRows>
__device__ Place place_of(const DecodeArgs& args) {
  const AttentionView& a = args.view;
  int kv_heads = a.heads / a.group, block = int(blockIdx.x);
  Place p{args.works[block / (args.chunks * kv_heads)], block / args.chunks % kv_heads,
          block % args.chunks * kRows, 0};
  p.rows = min(kRows, p.w.q_len * a.group - p.first_row);
  return p;
}

// Of one warp, then of the block.
template <int kRows>
struct Running {
  float top[kRows], sum[kRows], out[kRows][kColumns];
};

template <int kRows>
struct Shared {
  float q[kRows][kLargest];
  float weights[kWarps][kRows][32];
  float out[kWarps][kRows][kLargest];
  float top[kWarps][kRows], sum[kWarps][kRows];
};

template <int kRows>
__device__ void load_queries(const DecodeArgs& args, const Place& p, Shared<kRows>& shared) {
  const AttentionView& a = args.view;
  for (int i = int(threadIdx.x); i < kRows * kLargest; i += kThreads) {
    int r = i / kLargest, e = i % kLargest;
    bool valid = r < p.rows && e < a.size;
    int64_t at = ((p.w.q_begin + p.query(a, r)) * a.heads + p.head(a, r)) * a.size + e;
    shared.q[r][e] = valid ? number_at(args.type, a.q.data, at) : 0;
  }
  __syncthreads();
}

// dots[r] = q[r] . key; element: where the key's row begins
template <class Reader, int kRows>
__device__ void dot_key(const AttentionView& a, int64_t element, const Shared<kRows>& shared,
                        float (&dots)[kRows]) {
  bool whole = a.size % 8 == 0 && reinterpret_cast<uintptr_t>(a.k.data) % 16 == 0;
  int e = 0;
  float x[8];
#pragma unroll 2
  for (; e + 8 <= a.size; e += 8) {
    Reader::eight(a.k.data, element + e, whole, x);
#pragma unroll
    for (int r = 0; r < kRows; ++r)
#pragma unroll
      for (int i = 0; i < 8; ++i) dots[r] += shared.q[r][e + i] * x[i];
  }
  for (; e < a.size; ++e) {
    float last = Reader::one(a.k.data, element + e);
#pragma unroll
    for (int r = 0; r < kRows; ++r) dots[r] += shared.q[r][e] * last;
  }
}

// dots -> weights of the values, in shared memory
template <int kRows>
__device__ void soften(const AttentionView& a, const Place& p, int key, bool there,
                       const float (&dots)[kRows], float (&weights)[kRows][32],
                       Running<kRows>& run) {
  int lane = int(threadIdx.x) % 32;
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    int position = p.position(a, r);
    float logit = a.scale * dots[r];
    if (a.slopes && r < p.rows) logit += a.slopes[p.head(a, r)] * float(key - position);
    if (!there || !a.sees(position, key)) logit = -INFINITY;
    float top = fmaxf(run.top[r], warp_max(logit));
    float base = top == -INFINITY ? 0 : top, shrink = expf(run.top[r] - base);
    float weight = expf(logit - base);
    weights[r][lane] = weight;
    run.top[r] = top;
    run.sum[r] = run.sum[r] * shrink + warp_sum(weight);
#pragma unroll
    for (int c = 0; c < kColumns; ++c) run.out[r][c] *= shrink;
  }
}

// out[r, e] += weights[r, j] * v[j, e]; element: where the first value's row begins
template <class Reader, int kRows>
__device__ void add_values(const AttentionView& a, int64_t element, int count,
                           const float (&weights)[kRows][32], Running<kRows>& run) {
  [[maybe_unused]] constexpr int kKeysAtOnce =
      kRows == 1 ? 4 : 2;  // in flight, as many as registers allow
  int lane = int(threadIdx.x) % 32;
#pragma unroll kKeysAtOnce
  for (int j = 0; j < count; ++j)
#pragma unroll
    for (int c = 0; c < kColumns; ++c) {
      if (32 * c >= a.size) break;
      int e = lane + 32 * c;
      if (e >= a.size) continue;
      float x = Reader::one(a.v.data, element + j * a.v.token + e);
#pragma unroll
      for (int r = 0; r < kRows; ++r) run.out[r][c] += weights[r][j] * x;
    }
}

template <class Reader, int kRows>
__device__ Running<kRows> look(const AttentionView& a, const Place& p, Shared<kRows>& shared) {
  int warp = int(threadIdx.x) / 32, lane = int(threadIdx.x) % 32;
  int end = min(p.w.first + kShareKeys, p.w.k_len);
  Running<kRows> run{};
  for (int r = 0; r < kRows; ++r) run.top[r] = -INFINITY;
  for (int first = p.w.first + 32 * warp; first < end; first += kThreads) {
    int key = first + lane;
    float dots[kRows] = {};
    if (key < end)
      dot_key<Reader, kRows>(a, a.k.element(p.w.k_begin + key, p.kv_head), shared, dots);
    soften<kRows>(a, p, key, key < end, dots, shared.weights[warp], run);
    __syncwarp();
    add_values<Reader, kRows>(a, a.v.element(p.w.k_begin + first, p.kv_head), min(32, end - first),
                              shared.weights[warp], run);
    __syncwarp();
  }
  return run;
}

template <int kRows>
__device__ void share(const Running<kRows>& run, Shared<kRows>& shared) {
  int warp = int(threadIdx.x) / 32, lane = int(threadIdx.x) % 32;
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    shared.top[warp][r] = run.top[r];
    shared.sum[warp][r] = run.sum[r];
#pragma unroll
    for (int c = 0; c < kColumns; ++c) shared.out[warp][r][lane + 32 * c] = run.out[r][c];
  }
  __syncthreads();
}

__device__ void write_result(const DecodeArgs& args, int64_t row, int e, float out, float sum,
                             float top) {
  set_number(args.type, args.to.y, row * args.view.size + e, out / sum);
  if (args.to.lse && e == 0) args.to.lse[row] = top + logf(sum);
}

// The four warps' sums of one row as one.
template <int kRows>
__device__ void write_row(const DecodeArgs& args, const Place& p, int r,
                          const Shared<kRows>& shared) {
  const AttentionView& a = args.view;
  float top = -INFINITY, sum = 0, weights[kWarps];
  for (int w = 0; w < kWarps; ++w) top = fmaxf(top, shared.top[w][r]);
  for (int w = 0; w < kWarps; ++w) {
    weights[w] = top == -INFINITY ? 0 : expf(shared.top[w][r] - top);
    sum += weights[w] * shared.sum[w][r];
  }
  int64_t row = (p.w.q_begin + p.query(a, r)) * a.heads + p.head(a, r);
  int64_t place = int64_t(p.w.share + p.query(a, r)) * a.heads + p.head(a, r);
  float* to = args.sums + place * (a.size + 2);
  for (int e = int(threadIdx.x); e < a.size; e += kThreads) {
    float out = 0;
    for (int w = 0; w < kWarps; ++w) out += weights[w] * shared.out[w][r][e];
    if (p.w.share < 0) {
      write_result(args, row, e, out, sum, top);
      continue;
    }
    to[e] = out;
    if (e == 0) to[a.size] = sum, to[a.size + 1] = top;
  }
}

template <class Reader, int kRows>
__global__ void __launch_bounds__(kThreads) decode_kernel(DecodeArgs args) {
  __shared__ Shared<kRows> shared;
  Place p = place_of<kRows>(args);
  if (p.rows <= 0) return;
  load_queries<kRows>(args, p, shared);
  Running<kRows> run = look<Reader, kRows>(args.view, p, shared);
  share<kRows>(run, shared);
  for (int r = 0; r < p.rows; ++r) write_row<kRows>(args, p, r, shared);
}

// works: a query each; q_len: of its segment, first: how many shares it has.
__global__ void __launch_bounds__(kThreads) merge_kernel(DecodeArgs args) {
  const AttentionView& a = args.view;
  AttentionWork w = args.works[blockIdx.x / unsigned(a.heads)];
  int head = int(blockIdx.x) % a.heads;
  int64_t step = int64_t(w.q_len) * a.heads * (a.size + 2);
  const float* shares = args.sums + (int64_t(w.share) * a.heads + head) * (a.size + 2);
  float top = -INFINITY;
  for (int i = 0; i < w.first; ++i) top = fmaxf(top, shares[i * step + a.size + 1]);
  for (int e = int(threadIdx.x); e < a.size; e += kThreads) {
    float out = 0, sum = 0;
    for (int i = 0; i < w.first; ++i) {
      const float* from = shares + i * step;
      float weight = expf(from[a.size + 1] - top);
      out += weight * from[e];
      sum += weight * from[a.size];
    }
    write_result(args, w.q_begin * a.heads + head, e, out, sum, top);
  }
}

template <class Reader, int kRows>
void run_decode(CudaContext& cx, DecodeArgs args, size_t works) {
  unsigned kv_heads = unsigned(args.view.heads / args.view.group);
  launch(decode_kernel<Reader, kRows>, unsigned(works) * kv_heads * unsigned(args.chunks), kThreads,
         0, cx.stream(), args);
}

}  // namespace

void decode(CudaContext& cx, DType type, DType key_type, const AttentionView& a,
            const Segments& segments, const AttentionResult& to) {
  DecodePlan plan = plan_decode(segments, a.window == INT32_MAX ? 0 : a.window);
  std::shared_ptr<AttentionWork> shares = upload(cx, plan.shares), merges = upload(cx, plan.merges);
  std::shared_ptr<float> sums = cx.scratch<float>(plan.sums * a.heads * (a.size + 2));
  int rows = plan.most_queries * a.group, of_block = rows == 1 ? 1 : kMostRows;
  DecodeArgs args{a, type, shares.get(), (rows + of_block - 1) / of_block, to, sums.get()};
  with_reader(key_type, [&](auto reader) {
    using Reader = decltype(reader);
    (rows == 1 ? run_decode<Reader, 1> : run_decode<Reader, kMostRows>)(cx, args,
                                                                        plan.shares.size());
  });
  args.works = merges.get();
  launch(merge_kernel, blocks_for(plan.merges, a.heads), kThreads, 0, cx.stream(), args);
}

}  // namespace slm::cuda
