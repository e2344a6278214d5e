// Products of few rows with weights in blocks. A warp makes kOut columns of the result: its lanes
// take units of blocks in turn, so that they read on side by side, and add up at the end.
#include "backend/cuda/any_number.cuh"
#include "backend/cuda/k_block_formats.cuh"
#include "backend/cuda/launch.h"
#include "backend/cuda/quant.cuh"
#include "backend/cuda/reduce.cuh"

namespace slm::cuda {
namespace {

constexpr int kThreads = 128, kRun = 32;

// The left operand: rows of k numbers, rounded to bytes with a scale per run, or as they are.
struct Int8Operand {
  const int8_t* q;
  const float* scale;  // of each run

  // sums[o][r] += w[o]'s part . row r from place `at` on
  template <int kOut, int kRows, class Numbers>
  __device__ void add(const Numbers (&w)[kOut], int part, int64_t at, int64_t k, int rows,
                      float (&sums)[kOut][kRows]) const {
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      int64_t from = min(r, rows - 1) * k + at;
      float step = scale[from / kRun];
      int x[Numbers::kQuads];
#pragma unroll
      for (int i = 0; i < Numbers::kQuads; i += 2) {
        uint2 two = *reinterpret_cast<const uint2*>(q + from + 4 * i);
        x[i] = int(two.x), x[i + 1] = int(two.y);
      }
      int total = 0;
#pragma unroll
      for (int i = 0; i < Numbers::kQuads; ++i) total = __dp4a(0x01010101, x[i], total);
#pragma unroll
      for (int o = 0; o < kOut; ++o) {
        int dot = 0;
#pragma unroll
        for (int i = 0; i < Numbers::kQuads; ++i) dot = __dp4a(w[o].quad[part][i], x[i], dot);
        float of_part = fmaf(w[o].scale[part], float(dot), w[o].shift[part] * float(total));
        sums[o][r] = fmaf(step, of_part, sums[o][r]);
      }
    }
  }
};

struct FloatOperand {
  const float* x;

  template <int kOut, int kRows, class Numbers>
  __device__ void add(const Numbers (&w)[kOut], int part, int64_t at, int64_t k, int rows,
                      float (&sums)[kOut][kRows]) const {
#pragma unroll
    for (int i = 0; i < Numbers::kQuads; ++i)
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        float4 v = *reinterpret_cast<const float4*>(x + min(r, rows - 1) * k + at + 4 * i);
        const float of_quad[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
        for (int o = 0; o < kOut; ++o)
#pragma unroll
          for (int e = 0; e < 4; ++e) {
            float q = float(int8_t(w[o].quad[part][i] >> 8 * e));
            float weight = fmaf(w[o].scale[part], q, w[o].shift[part]);
            sums[o][r] = fmaf(weight, of_quad[e], sums[o][r]);
          }
      }
  }
};

struct Product {
  const void* blocks;  // [columns, k]
  int64_t columns, k;
  int rows;
  float alpha, beta;
  void* c;  // [rows, columns]
  DType type;
  const void* bias;  // may be null
  DType bias_type;

  __device__ void write(int row, int64_t column, float sum) const {
    float y = alpha * sum;
    int64_t at = row * columns + column;
    if (bias) y += number_at(bias_type, bias, column);
    if (beta != 0) y += beta * number_at(type, c, at);
    set_number(type, c, at, y);
  }
};

template <class Format, class Operand, int kRows, int kOut>
__global__ void __launch_bounds__(kThreads) rows_kernel(Product p, Operand x) {
  using Numbers = typename Format::Numbers;
  using Block = typename Format::Block;
  int lane = int(threadIdx.x) % 32;
  int64_t column = (int64_t(blockIdx.x) * kThreads + threadIdx.x) / 32 * kOut;
  if (column >= p.columns) return;
  int64_t blocks = p.k / Block::kElems;
  const Block* rows[kOut];
  for (int o = 0; o < kOut; ++o)
    rows[o] = static_cast<const Block*>(p.blocks) + min(column + o, p.columns - 1) * blocks;
  float sums[kOut][kRows] = {};
#pragma unroll 2
  for (int64_t i = lane; i < blocks * Format::kUnits; i += 32) {
    int64_t block = i / Format::kUnits;
    int unit = int(i % Format::kUnits);
    Numbers w[kOut];
#pragma unroll
    for (int o = 0; o < kOut; ++o) w[o] = Format::unit(rows[o][block], unit);
#pragma unroll
    for (int part = 0; part < Numbers::kParts; ++part)
      x.template add<kOut, kRows>(w, part, block * Block::kElems + Format::first(unit, part), p.k,
                                  p.rows, sums);
  }
#pragma unroll
  for (int o = 0; o < kOut; ++o)
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      float sum = warp_sum(sums[o][r]);
      if (lane == 0 && r < p.rows && column + o < p.columns) p.write(r, column + o, sum);
    }
}

template <class Format, class Operand, int kRows>
void run(CudaContext& cx, const Product& p, Operand x) {
  constexpr int kOut = kRows > 2 ? 2 : 4;  // sums that stay in registers
  constexpr int64_t kOfBlock = kThreads / 32 * kOut;
  launch(rows_kernel<Format, Operand, kRows, kOut>, unsigned((p.columns + kOfBlock - 1) / kOfBlock),
         kThreads, 0, cx.stream(), p, x);
}

// By the number of rows: 1, 2, up to 4, up to 8.
template <class Operand>
struct Kernels {
  void (*of_rows[4])(CudaContext&, const Product&, Operand);
};
template <class Format, class Operand>
constexpr Kernels<Operand> kernels() {
  return {{run<Format, Operand, 1>, run<Format, Operand, 2>, run<Format, Operand, 4>,
           run<Format, Operand, 8>}};
}
template <class Operand>
constexpr Kernels<Operand> kFormats[] = {
    kernels<Q4_0Format, Operand>(), kernels<Q4_1Format, Operand>(), kernels<Q5_0Format, Operand>(),
    kernels<Q5_1Format, Operand>(), kernels<Q8_0Format, Operand>(), kernels<Q4_KFormat, Operand>(),
    kernels<Q5_KFormat, Operand>(), kernels<Q6_KFormat, Operand>(),
};

template <class Operand>
void run_format(CudaContext& cx, size_t format, const Product& p, Operand x) {
  int which = p.rows > 4 ? 3 : p.rows > 2 ? 2 : p.rows - 1;
  kFormats<Operand>[format].of_rows[which](cx, p, x);
}

// A warp rounds a run. q = x * 127 / largest, rounded to nearest; as integers, magnitudes are in
// order and NaN comes after infinity.
__global__ void __launch_bounds__(kThreads)
    to_int8(const void* x, DType type, int64_t runs, int8_t* q, float* scales) {
  constexpr float kSmallest = 1e-30f;  // runs that nowhere reach this are taken for zeros
  int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x;
  if (i / kRun >= runs) return;
  float value = number_at(type, x, i);
  float largest = __uint_as_float(warp_max(__float_as_uint(value) & 0x7fffffffu));
  q[i] = int8_t(__float2int_rn(value * (largest > kSmallest ? 127 / largest : 0)));
  if (threadIdx.x % 32 == 0) scales[i / kRun] = largest / 127;
}

__global__ void __launch_bounds__(kThreads)
    to_floats(const void* x, DType type, int64_t count, float* out) {
  int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x;
  if (i < count) out[i] = number_at(type, x, i);
}

unsigned blocks_of(int64_t threads) { return unsigned((threads + kThreads - 1) / kThreads); }

void check_float(const Tensor& t) {
  if (t) dispatch(t, [](auto) {});
}

}  // namespace

bool quantized_rows(CudaContext& cx, const GemmArgs& a, bool exact) {
  if (!a.b.quantized() || !a.transpose_b || a.transpose_a) return false;
  int64_t rows = a.a.dim(0), k = a.b.dim(1), count = rows * k;
  if (rows == 0 || rows > kQuantizedRows) return false;
  for (const Tensor& t : {a.a, a.c, a.bias}) check_float(t);
  const auto* x = device_data<const void>(a.a);
  Product p{.blocks = block_data(a.b),
            .columns = a.b.dim(0),
            .k = k,
            .rows = int(rows),
            .alpha = a.alpha,
            .beta = a.beta,
            .c = device_data<void>(a.c),
            .type = a.c.dtype(),
            .bias = device_data<const void>(a.bias),
            .bias_type = a.bias ? a.bias.dtype() : DType::kF32};
  if (exact) {
    std::shared_ptr<float> floats = cx.scratch<float>(count);
    launch(to_floats, blocks_of(count), kThreads, 0, cx.stream(), x, a.a.dtype(), count,
           floats.get());
    run_format(cx, format_index(a.b), p, FloatOperand{floats.get()});
    return true;
  }
  std::shared_ptr<int8_t> q = cx.scratch<int8_t>(count);
  std::shared_ptr<float> scales = cx.scratch<float>(count / kRun);
  launch(to_int8, blocks_of(count), kThreads, 0, cx.stream(), x, a.a.dtype(), count / kRun, q.get(),
         scales.get());
  run_format(cx, format_index(a.b), p, Int8Operand{q.get(), scales.get()});
  return true;
}

}  // namespace slm::cuda
