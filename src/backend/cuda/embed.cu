#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/each.cuh"
#include "backend/cuda/elementwise.h"
#include "backend/cuda/quant.cuh"

namespace slm::cuda {
namespace {

// Each item: eight numbers of a token's row.
struct Gather {
  const int32_t* ids;
  Floats table, y;
  int64_t width, items;  // items: of a row
  float scale;

  __device__ void operator()(int64_t item) const {
    int64_t t = item / items, column = item % items * 8, from = ids[t] * width;
    float values[8];
    load8(table, from + column, from + width, values);
#pragma unroll
    for (float& v : values) v *= scale;
    store8(y, t * width + column, (t + 1) * width, values);
  }
};

struct Scatter {
  const int32_t* ids;
  int64_t tokens, width;
  float scale;
  Floats dy;
  FloatSlot dtable;  // beta 1
};

constexpr int kScatterThreads = 128;  // each has eight columns

// The block of a token does nothing when an earlier token has the same id; else it adds up the rows
// of all that have it, in their order. Nothing is added atomically: sums do not change from run to
// run.
__global__ void embed_backward_kernel(Scatter s) {
  int64_t first = blockIdx.x;
  int32_t id = s.ids[first];
  int seen = 0;
  for (int64_t t = threadIdx.x; t < first; t += blockDim.x) seen |= s.ids[t] == id;
  if (__syncthreads_or(seen)) return;
  int64_t column = (int64_t{blockIdx.y} * blockDim.x + threadIdx.x) * 8;
  float sums[8] = {};
  __shared__ unsigned matches[kScatterThreads / 32];
  for (int64_t begin = first; begin < s.tokens; begin += blockDim.x) {
    int64_t t = begin + threadIdx.x;
    unsigned of_warp = __ballot_sync(0xffffffffu, t < s.tokens && s.ids[t] == id);
    __syncthreads();
    if (threadIdx.x % 32 == 0) matches[threadIdx.x / 32] = of_warp;
    __syncthreads();
    for (int w = 0; w < kScatterThreads / 32; ++w) {
      for (unsigned left = matches[w]; left != 0; left &= left - 1) {
        int64_t token = begin + 32 * w + __ffs(int(left)) - 1;
        if (column >= s.width) continue;
        float values[8];
        load8(s.dy, token * s.width + column, (token + 1) * s.width, values);
#pragma unroll
        for (int j = 0; j < 8; ++j) sums[j] += s.scale * values[j];
      }
    }
  }
  if (column < s.width) store8(s.dtable, id * s.width + column, (id + int64_t{1}) * s.width, sums);
}

}  // namespace

void CudaBackend::embed_forward(const EmbedArgs& a) {
  Tensor ids = context_.on_device(a.ids);
  if (a.table.quantized()) return dequantize_rows(context_, a.table, ids, a.scale, a.y);
  int64_t width = a.table.dim(1), items = (width + 7) / 8;
  each_item(context_, ids.elements() * items,
            Gather{device_data<int32_t>(ids), floats(a.table), floats(a.y), width, items, a.scale});
}

void CudaBackend::embed_backward(const EmbedArgs& a, const EmbedGrads& g) {
  if (!g.dtable) return;
  if (g.dtable.beta == 0)
    zero(g.dtable.grad);
  else if (g.dtable.beta != 1)
    scale_and_add_bias(context_, {}, g.dtable);
  Tensor ids = context_.on_device(a.ids);
  int64_t tokens = ids.elements(), width = a.table.dim(1);
  dim3 grid(unsigned(tokens), unsigned((width + 8 * kScatterThreads - 1) / (8 * kScatterThreads)));
  launch(embed_backward_kernel, grid, kScatterThreads, 0, context_.stream(),
         Scatter{device_data<int32_t>(ids),
                 tokens,
                 width,
                 a.scale,
                 floats(g.dy),
                 {floats(g.dtable.grad), 1}});
}

}  // namespace slm::cuda
