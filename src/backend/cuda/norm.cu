// Layer and RMS norms. A row is kept in the registers of a warp, or of a block where it is long, so
// that it is read once; gradients of the weights are sums down the columns, in a pass of their own.
#include "backend/cuda/columns.cuh"
#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/reduce.cuh"

namespace slm::cuda {
namespace {

struct NormView {
  int64_t rows, channels, groups;
  bool centered;  // layer, not rms
  float eps;
  Floats x, w, b, y, dy;
  float* stats;  // [rows, 2]
  FloatSlot dx;
};

// What a thread holds of its row: pieces of eight channels, kThreads pieces apart.
template <int kThreads, int kPieces>
struct RowPart {
  int64_t row, first, end;  // channels in numbers of x
  int64_t weight;           // what to subtract from those for the weight's
  float values[kPieces][8];

  __device__ int64_t at(int piece) const { return first + int64_t{8} * kThreads * piece; }
};

template <int kThreads, class T>
__device__ T row_sum(T x) {
  if constexpr (kThreads == 32)
    return warp_sum(x);
  else
    return block_sum(x);
}

template <int kThreads, int kPieces>
__device__ RowPart<kThreads, kPieces> row_part(const NormView& v) {
  int64_t row = int64_t{blockIdx.x} * (blockDim.x / kThreads) + threadIdx.x / kThreads;
  int64_t begin = row * v.channels;
  return {row, begin + 8 * (threadIdx.x % kThreads), begin + v.channels,
          begin - row % v.groups * v.channels};
}

template <int kThreads, int kPieces>
__global__ void norm_forward_kernel(NormView v) {
  auto part = row_part<kThreads, kPieces>(v);
  if (part.row >= v.rows) return;
  float mean = 0, squares = 0;
#pragma unroll
  for (int p = 0; p < kPieces; ++p) {
    load8(v.x, part.at(p), part.end, part.values[p]);
#pragma unroll
    for (float x : part.values[p]) mean += x;
  }
  mean = v.centered ? row_sum<kThreads>(mean) / float(v.channels) : 0;
#pragma unroll
  for (int p = 0; p < kPieces; ++p)
#pragma unroll
    for (int j = 0; j < 8; ++j)
      if (part.at(p) + j < part.end) {
        part.values[p][j] -= mean;
        squares += part.values[p][j] * part.values[p][j];
      }
  float rstd = 1 / sqrtf(row_sum<kThreads>(squares) / float(v.channels) + v.eps);
  if (v.stats && threadIdx.x % kThreads == 0) {
    v.stats[2 * part.row] = mean;
    v.stats[2 * part.row + 1] = rstd;
  }
#pragma unroll
  for (int p = 0; p < kPieces; ++p) {
    int64_t at = part.at(p);
    if (at >= part.end) return;
    float w[8], b[8] = {};
    load8(v.w, at - part.weight, part.end - part.weight, w);
    if (v.b) load8(v.b, at - part.weight, part.end - part.weight, b);
#pragma unroll
    for (int j = 0; j < 8; ++j) w[j] = part.values[p][j] * rstd * w[j] + b[j];
    store8(v.y, at, part.end, w);
  }
}

// With n = (x - mean) / std and g = dy w:  dx = (g - mean(g) - n mean(g n)) / std, without mean(g)
// for rms.
template <int kThreads, int kPieces>
__global__ void norm_backward_kernel(NormView v) {
  auto part = row_part<kThreads, kPieces>(v);
  if (part.row >= v.rows) return;
  float mean = v.stats[2 * part.row], rstd = v.stats[2 * part.row + 1];
  float g[kPieces][8], mean_g = 0, mean_gn = 0;
#pragma unroll
  for (int p = 0; p < kPieces; ++p) {
    float w[8];
    load8(v.x, part.at(p), part.end, part.values[p]);
    load8(v.dy, part.at(p), part.end, g[p]);
    load8(v.w, part.at(p) - part.weight, part.end - part.weight, w);
#pragma unroll
    for (int j = 0; j < 8; ++j) {  // past the end w and g are 0
      part.values[p][j] = (part.values[p][j] - mean) * rstd;
      g[p][j] *= w[j];
      mean_g += g[p][j];
      mean_gn += g[p][j] * part.values[p][j];
    }
  }
  mean_g = v.centered ? row_sum<kThreads>(mean_g) / float(v.channels) : 0;
  mean_gn = row_sum<kThreads>(mean_gn) / float(v.channels);
#pragma unroll
  for (int p = 0; p < kPieces; ++p) {
    if (part.at(p) >= part.end) return;
#pragma unroll
    for (int j = 0; j < 8; ++j) g[p][j] = (g[p][j] - mean_g - part.values[p][j] * mean_gn) * rstd;
    store8(v.dx, part.at(p), part.end, g[p]);
  }
}

// A row of [tokens, groups * channels] adds dy n to the first sum and dy to the second.
struct WeightGradient {
  NormView v;

  __device__ void operator()(int64_t token, int64_t column, float (&sums)[2][8]) const {
    int64_t columns = v.groups * v.channels, at = token * columns + column;
    float x[8], dy[8];
    load8(v.x, at, (token + 1) * columns, x);
    load8(v.dy, at, (token + 1) * columns, dy);
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      if (column + j >= columns) break;
      int64_t group = v.groups == 1 ? 0 : unsigned(column + j) / unsigned(v.channels);
      int64_t row = token * v.groups + group;
      sums[0][j] += dy[j] * (x[j] - v.stats[2 * row]) * v.stats[2 * row + 1];
      sums[1][j] += dy[j];
    }
  }
};

using NormKernel = void (*)(NormView);
struct NormShape {
  int64_t most_channels;
  unsigned row_threads, block_threads;
  NormKernel forward, backward;
};
template <int kThreads, int kPieces>
constexpr NormShape kShape{int64_t{8} * kThreads * kPieces, kThreads,
                           kThreads == 32 ? 128 : kThreads, norm_forward_kernel<kThreads, kPieces>,
                           norm_backward_kernel<kThreads, kPieces>};
const NormShape kShapes[] = {kShape<32, 1>, kShape<32, 4>, kShape<256, 2>, kShape<256, 4>,
                             kShape<1024, 2>};

const NormShape& shape_for(int64_t channels) {
  for (const NormShape& s : kShapes)
    if (channels <= s.most_channels) return s;
  fail(ErrorKind::kUnsupported, "[cuda] a norm over {} channels: expected {} at most", channels,
       std::end(kShapes)[-1].most_channels);
}

NormView view(const NormArgs& a) {
  int64_t n = a.x.dim(-1);
  return {.rows = a.x.elements() / n,
          .channels = n,
          .groups = a.w.elements() / n,
          .centered = a.spec.kind == NormSpec::kLayer,
          .eps = a.spec.eps,
          .x = floats(a.x),
          .w = floats(a.w),
          .b = floats(a.b),
          .y = floats(a.y),
          .dy = {},
          .stats = device_data<float>(a.stats),
          .dx = {}};
}

void launch_rows(const CudaContext& cx, NormKernel NormShape::*kernel, const NormView& v) {
  const NormShape& s = shape_for(v.channels);
  int64_t rows_each = s.block_threads / s.row_threads;
  launch(s.*kernel, unsigned((v.rows + rows_each - 1) / rows_each), s.block_threads, 0, cx.stream(),
         v);
}

}  // namespace

void CudaBackend::norm_forward(const NormArgs& a) {
  launch_rows(context_, &NormShape::forward, view(a));
}

void CudaBackend::norm_backward(const NormArgs& a, const NormGrads& g) {
  NormView v = view(a);
  v.dy = floats(g.dy);
  v.dx = floats(g.dx);
  if (g.dx) launch_rows(context_, &NormShape::backward, v);
  if (g.dw || g.db)
    sum_columns<2>(context_, v.rows / v.groups, v.groups * v.channels, WeightGradient{v},
                   {floats(g.dw), floats(g.db)});
}

}  // namespace slm::cuda
