// Numbers into the blocks of caches.
#include "backend/cuda/block_search.cuh"
#include "backend/cuda/launch.h"
#include "backend/cuda/quant.cuh"
#include "core/blocks/formats.h"

namespace slm::cuda {
namespace {

constexpr int kThreads = 128;

// Of each format: which integers it has, and where those of a lane lie.
struct Q4_0Encoder {
  using Block = blocks::Q4_0;
  static constexpr int kLo = -8, kHi = 7;
  __device__ static void store(const LaneIntegers& q, int lane, Block& b) {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      b.low[lane + kBlockLanes * i] = uint8_t((q[i] - kLo) | (q[i + 4] - kLo) << 4);
  }
};

struct Q8_0Encoder {
  using Block = blocks::Q8_0;
  static constexpr int kLo = -127, kHi = 127;
  __device__ static void store(const LaneIntegers& q, int lane, Block& b) {
#pragma unroll
    for (int i = 0; i < kLaneNumbers; ++i) b.q[lane + kBlockLanes * i] = int8_t(q[i]);
  }
};

// `count` blocks, of rows of `row_blocks` each.
struct Encode {
  const void* from;
  void* to;
  const RowMove* moves;  // null: every row to the same place
  int64_t row_blocks, count;
  Spans spans;
};

template <class Encoder, class T>
__global__ void __launch_bounds__(kThreads) encode_kernel(Encode e) {
  using Block = typename Encoder::Block;
  static_assert(Block::kElems == kBlockLanes * kLaneNumbers);
  int lane = int(threadIdx.x) % kBlockLanes;
  int64_t mine = (int64_t{blockIdx.x} * kThreads + threadIdx.x) / kBlockLanes;
  int64_t i = min(mine, e.count - 1);  // lanes without a block come along with the last
  int64_t row = i / e.row_blocks, block = i % e.row_blocks;
  RowMove move = e.moves ? e.moves[row] : RowMove{row, row};
  const T* from =
      static_cast<const T*>(e.from) + (move.from * e.row_blocks + block) * Block::kElems;
  LaneNumbers x;
#pragma unroll
  for (int n = 0; n < kLaneNumbers; ++n) x[n] = to_float(from[lane + kBlockLanes * n]);
  f16 scale = to_scale(fit_scale<Encoder::kLo, Encoder::kHi>(x, lane, e.spans));
  LaneIntegers q;
  assign<Encoder::kLo, Encoder::kHi>(x, to_float(scale), q);
  if (mine >= e.count) return;
  Block& to = static_cast<Block*>(e.to)[move.to * e.row_blocks + block];
  if (lane == 0) memcpy(&to.d, &scale, sizeof to.d);
  Encoder::store(q, lane, to);
}

template <class Encoder>
void run_as(CudaContext& cx, const Tensor& from, const Encode& e) {
  constexpr int64_t kEach = kThreads / kBlockLanes;
  dispatch(from, [&](auto type) {
    launch(encode_kernel<Encoder, typename decltype(type)::type>,
           unsigned((e.count + kEach - 1) / kEach), kThreads, 0, cx.stream(), e);
  });
}

void run(CudaContext& cx, const Tensor& from, const Tensor& to, const RowMove* moves,
         int64_t row_blocks, int64_t count) {
  Encode e{device_data<const void>(from), device_data<void>(to), moves, row_blocks, count, {}};
  for (int i = 0; i < Spans::kCount; ++i) e.spans.at[i] = blocks::kSpans[i];
  to.dtype() == DType::kQ4_0 ? run_as<Q4_0Encoder>(cx, from, e) : run_as<Q8_0Encoder>(cx, from, e);
}

}  // namespace

bool encodes(DType dtype) { return dtype == DType::kQ4_0 || dtype == DType::kQ8_0; }

void encode(CudaContext& cx, const Tensor& from, const Tensor& to) {
  run(cx, from, to, nullptr, 1, to.elements() / traits(to.dtype()).block_elems);
}

void encode_rows(CudaContext& cx, const Tensor& from, const Tensor& to, const RowMove* moves,
                 int64_t count) {
  int64_t row_blocks = to.elements() / to.dim(0) / traits(to.dtype()).block_elems;
  run(cx, from, to, moves, row_blocks, count * row_blocks);
}

}  // namespace slm::cuda
