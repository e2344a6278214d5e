// Weights in blocks as plain numbers: a thread takes a unit of a block.
#include "backend/cuda/k_block_formats.cuh"
#include "backend/cuda/launch.h"
#include "backend/cuda/quant.cuh"

namespace slm::cuda {
namespace {

constexpr int kThreads = 256;

struct Rows {
  const void* blocks;
  const int32_t* ids;  // null: all rows in order
  int64_t rows, width;
  float scale;
};

template <class Format, class T>
__global__ void __launch_bounds__(kThreads) dequantize_kernel(Rows in, T* out) {
  using Numbers = typename Format::Numbers;
  using Block = typename Format::Block;
  int64_t blocks = in.width / Block::kElems, units = blocks * Format::kUnits;
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < in.rows * units;
       i += int64_t(gridDim.x) * kThreads) {
    int64_t row = i / units, block = i % units / Format::kUnits;
    int unit = int(i % Format::kUnits);
    int64_t from = in.ids ? in.ids[row] : row;
    Numbers u = Format::unit(static_cast<const Block*>(in.blocks)[from * blocks + block], unit);
#pragma unroll
    for (int part = 0; part < Numbers::kParts; ++part) {
      T* to = out + row * in.width + block * Block::kElems + Format::first(unit, part);
#pragma unroll
      for (int e = 0; e < 4 * Numbers::kQuads; ++e) {
        float q = float(int8_t(u.quad[part][e / 4] >> 8 * (e % 4)));
        to[e] = from_float<T>(in.scale * fmaf(u.scale[part], q, u.shift[part]));
      }
    }
  }
}

template <class Format, class T>
void run(CudaContext& cx, const Rows& in, void* out) {
  int64_t units = in.rows * in.width / Format::Block::kElems * Format::kUnits;
  int64_t blocks = std::min<int64_t>((units + kThreads - 1) / kThreads, 1 << 20);
  launch(dequantize_kernel<Format, T>, unsigned(blocks), kThreads, 0, cx.stream(), in,
         static_cast<T*>(out));
}

struct ToNumbers {
  using Run = void (*)(CudaContext&, const Rows&, void*);
  Run f32, bf16, f16;
};
template <class Format>
constexpr ToNumbers to_numbers() {
  return {run<Format, float>, run<Format, bf16>, run<Format, f16>};
}
constexpr ToNumbers kFormats[] = {
    to_numbers<Q4_0Format>(), to_numbers<Q4_1Format>(), to_numbers<Q5_0Format>(),
    to_numbers<Q5_1Format>(), to_numbers<Q8_0Format>(), to_numbers<Q4_KFormat>(),
    to_numbers<Q5_KFormat>(), to_numbers<Q6_KFormat>(),
};

void run_on(CudaContext& cx, const Tensor& w, Rows in, const Tensor& out) {
  in.blocks = block_data(w);
  in.width = w.dim(-1);
  const ToNumbers& format = kFormats[format_index(w)];
  DType type = out.dtype();
  auto of_type = type == DType::kF32    ? format.f32
                 : type == DType::kBF16 ? format.bf16
                 : type == DType::kF16  ? format.f16
                                        : nullptr;
  if (!of_type) refuse(out);
  of_type(cx, in, device_data<void>(out));
}

}  // namespace

void dequantize(CudaContext& cx, const Tensor& w, const Tensor& out) {
  int64_t width = w.dim(-1);
  run_on(cx, w, {.ids = nullptr, .rows = width ? w.elements() / width : 0, .scale = 1}, out);
}

void dequantize_rows(CudaContext& cx, const Tensor& table, const Tensor& ids, float scale,
                     const Tensor& y) {
  run_on(cx, table,
         {.ids = device_data<const int32_t>(ids), .rows = ids.elements(), .scale = scale}, y);
}

}  // namespace slm::cuda
