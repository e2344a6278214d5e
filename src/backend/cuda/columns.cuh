// Sums down the columns of a matrix, in two steps of a fixed order: slices of rows first, then the
// slices.
#pragma once

#include <algorithm>

#include "backend/cuda/each.cuh"

namespace slm::cuda {

inline constexpr int kColumnLanes = 32, kColumnRows = 8;  // threads of a block: each 8 columns

// parts[s][slice][column] = sum over the slice's rows of what body adds to sums[s].
template <int kSums, class Body>
__global__ void column_slices_kernel(int64_t rows, int64_t columns, int64_t slice_rows, Body body,
                                     float* parts) {
  __shared__ float of_rows[kSums][kColumnRows][kColumnLanes * 8];
  int64_t column = (int64_t{blockIdx.x} * kColumnLanes + threadIdx.x) * 8;
  int64_t begin = blockIdx.y * slice_rows, end = min(begin + slice_rows, rows);
  float sums[kSums][8] = {};
  if (column < columns)
    for (int64_t r = begin + threadIdx.y; r < end; r += kColumnRows) body(r, column, sums);
#pragma unroll
  for (int s = 0; s < kSums; ++s)
#pragma unroll
    for (int j = 0; j < 8; ++j)
      of_rows[s][threadIdx.y][j * kColumnLanes + threadIdx.x] = sums[s][j];
  __syncthreads();
  for (unsigned i = threadIdx.y; i < kSums * 8; i += kColumnRows) {
    unsigned s = i / 8, j = i % 8;
    float sum = 0;
    for (int y = 0; y < kColumnRows; ++y) sum += of_rows[s][y][j * kColumnLanes + threadIdx.x];
    if (column + j < columns) parts[(s * gridDim.y + blockIdx.y) * columns + column + j] = sum;
  }
}

// slot[column] = beta * slot[column] + the sum of its parts; the columns of one of the sums.
struct AddSlices {
  const float* parts;
  int64_t slices;
  FloatSlot slot;

  __device__ void operator()(int64_t i, int64_t columns) const {
    float sums[8] = {};
    for (int64_t s = 0; s < slices; ++s) {
      float part[8];
      load8_of(parts + s * columns + i, columns - i, part);
#pragma unroll
      for (int j = 0; j < 8; ++j) sums[j] += part[j];
    }
    store8(slot, i, columns, sums);
  }
};

// body(row, column, sums) adds what eight columns of a row give; past the last column it adds 0.
template <int kSums, class Body>
void sum_columns(CudaContext& cx, int64_t rows, int64_t columns, const Body& body,
                 const FloatSlot (&slots)[kSums]) {
  constexpr int64_t kSliceRows = 64, kMostSlices = 64;
  int64_t slices = std::clamp<int64_t>(rows / kSliceRows, 1, kMostSlices);
  int64_t slice_rows = (rows + slices - 1) / slices, lanes = (columns + 7) / 8;
  auto parts = cx.scratch<float>(kSums * slices * columns);
  dim3 grid(unsigned((lanes + kColumnLanes - 1) / kColumnLanes), unsigned(slices));
  launch(column_slices_kernel<kSums, Body>, grid, dim3(kColumnLanes, kColumnRows), 0, cx.stream(),
         rows, columns, slice_rows, body, parts.get());
  for (int s = 0; s < kSums; ++s)
    if (slots[s].to)
      each8(cx, columns, AddSlices{parts.get() + s * slices * columns, slices, slots[s]});
}

}  // namespace slm::cuda
