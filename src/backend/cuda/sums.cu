#include "backend/cuda/columns.cuh"
#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/reduce.cuh"

namespace slm::cuda {
namespace {

constexpr int64_t kMostParts = 1024, kMostBlocks = 65535;  // of a launch, across and down

// parts[b][p]: a part of the squares of numbers b * block to (b + 1) * block. Eight squares are
// added in f32, all else in f64.
__global__ void block_squares_kernel(Floats x, int64_t n, int64_t block, double* parts) {
  for (int64_t b = blockIdx.y; b * block < n; b += gridDim.y) {
    int64_t begin = b * block, end = min(begin + block, n);
    double sum = 0;
    for (int64_t i = begin + 8 * first_item(); i < end; i += 8 * item_stride()) {
      float values[8], squares = 0;
      load8(x, i, end, values);
#pragma unroll
      for (float v : values) squares += v * v;
      sum += double(squares);
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) parts[b * gridDim.x + blockIdx.x] = sum;
  }
}

// sums[b] = the sum of parts[b]
__global__ void add_parts_kernel(const double* parts, int count, double* sums) {
  const double* of_block = parts + int64_t{blockIdx.x} * count;
  double sum = 0;
  for (int i = int(threadIdx.x); i < count; i += int(blockDim.x)) sum += of_block[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

struct ColumnValues {
  Floats x;
  int64_t columns;

  __device__ void operator()(int64_t row, int64_t column, float (&sums)[1][8]) const {
    float values[8];
    load8(x, row * columns + column, (row + 1) * columns, values);
#pragma unroll
    for (int j = 0; j < 8; ++j) sums[0][j] += values[j];
  }
};

}  // namespace

double CudaBackend::sum_squares(const Tensor& x) {
  return x.elements() == 0 ? 0 : block_squares(x, x.elements())[0];
}

// The number of parts, and so the order of a sum, depends on the size of a block alone.
std::vector<double> CudaBackend::block_squares(const Tensor& x, int64_t block) {
  int64_t blocks = (x.elements() + block - 1) / block, threads = (block + 7) / 8;
  if (blocks == 0) return {};
  int64_t count = std::clamp<int64_t>((threads + kEachThreads - 1) / kEachThreads, 1, kMostParts);
  auto parts = context_.scratch<double>(blocks * count), sums = context_.scratch<double>(blocks);
  launch(block_squares_kernel, dim3(unsigned(count), unsigned(std::min(blocks, kMostBlocks))),
         kEachThreads, 0, context_.stream(), floats(x), x.elements(), block, parts.get());
  launch(add_parts_kernel, unsigned(blocks), kEachThreads, 0, context_.stream(), parts.get(),
         int(count), sums.get());
  std::vector<double> squares(size_t(blocks), 0.0);
  context_.fetch(squares.data(), sums.get(), blocks * int64_t(sizeof(double)));
  return squares;
}

void CudaBackend::column_sum(const ColumnSumArgs& a) {
  int64_t columns = a.grad.grad.elements();
  if (columns == 0) return;
  sum_columns<1>(context_, a.x.elements() / columns, columns, ColumnValues{floats(a.x), columns},
                 {floats(a.grad)});
}

}  // namespace slm::cuda
