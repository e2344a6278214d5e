#include <cmath>
#include <vector>

#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/each.cuh"

namespace slm::cuda {
namespace {

// Rounded as the reference backend rounds them; a handful of numbers, so the host computes them.
std::vector<float> frequencies(const Rope& rope) {
  std::vector<float> result;
  for (int64_t i = 0; i < rope.dims / 2; ++i) {
    float exponent = float(2 * i) / float(rope.dims);
    result.push_back(1.0f / float(std::pow(rope.theta, double(exponent))));
  }
  return result;
}

struct MakeTable {
  const int32_t* positions;
  const float* frequencies;
  int64_t half;
  double scale, inverse_log_n;  // 0: no factor
  float* table;

  __device__ void operator()(int64_t item) const {
    int64_t t = item / half, i = item % half;
    double position = positions[t], factor = 1, sine, cosine;
    if (inverse_log_n > 0) factor = fmax(1.0, log(position + 1) * inverse_log_n);
    float angle = __fmul_rn(float(position / scale), frequencies[i]);
    sincos(double(angle), &sine, &cosine);
    table[t * 2 * half + i] = float(factor * cosine);
    table[t * 2 * half + half + i] = float(factor * sine);
  }
};

// Each item: eight pairs of a head, or eight numbers past the pairs.
struct Rotate {
  Floats x, table;
  FloatSlot y;
  int64_t heads, size, dims, pair_items, items;  // items: of a head
  bool halves;
  float sign;

  __device__ void operator()(int64_t item) const {
    int64_t head = item / items, part = item % items, begin = head * size;
    if (part >= pair_items) return pass(begin + dims + 8 * (part - pair_items), begin + size);
    int64_t first = 8 * part, half = dims / 2, row = head / heads * dims;
    float cosine[8], sine[8];
    load8(table, row + first, row + half, cosine);
    load8(table, row + half + first, row + dims, sine);
#pragma unroll
    for (float& s : sine) s *= sign;
    if (halves)
      rotate_halves(begin + first, begin + half, cosine, sine);
    else
      rotate_neighbours(begin + 2 * first, begin + dims, cosine, sine);
  }

  __device__ void pass(int64_t at, int64_t end) const {
    float values[8];
    load8(x, at, end, values);
    store8(y, at, end, values);
  }

  __device__ void rotate_halves(int64_t at, int64_t end, const float (&cosine)[8],
                                const float (&sine)[8]) const {
    int64_t half = dims / 2;
    float a[8], b[8], low[8], high[8];
    load8(x, at, end, a);
    load8(x, at + half, end + half, b);
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      low[j] = a[j] * cosine[j] - b[j] * sine[j];
      high[j] = b[j] * cosine[j] + a[j] * sine[j];
    }
    store8(y, at, end, low);
    store8(y, at + half, end + half, high);
  }

  __device__ void rotate_neighbours(int64_t at, int64_t end, const float (&cosine)[8],
                                    const float (&sine)[8]) const {
#pragma unroll
    for (int part = 0; part < 2; ++part) {
      int64_t from = at + 8 * part;
      if (from >= end) return;
      float pairs[8], turned[8];
      load8(x, from, end, pairs);
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        float c = cosine[4 * part + j], s = sine[4 * part + j];
        turned[2 * j] = pairs[2 * j] * c - pairs[2 * j + 1] * s;
        turned[2 * j + 1] = pairs[2 * j + 1] * c + pairs[2 * j] * s;
      }
      store8(y, from, end, turned);
    }
  }
};

}  // namespace

void CudaBackend::rope_table(const RopeTableArgs& a) {
  int64_t half = a.table.dim(1) / 2;
  Tensor positions = context_.on_device(a.positions);
  auto per_position = context_.upload(std::span<const float>(frequencies(a.rope)));
  double log_n = a.rope.log_n_length ? 1 / std::log(double(a.rope.log_n_length)) : 0;
  each_item(context_, a.table.dim(0) * half,
            MakeTable{device_data<int32_t>(positions), per_position.get(), half, a.rope.scale,
                      log_n, device_data<float>(a.table)});
}

void CudaBackend::rope(const RopeArgs& a) {
  int64_t heads = a.x.dim(1), size = a.x.dim(2), dims = a.table.dim(1);
  int64_t pair_items = (dims / 2 + 7) / 8, items = pair_items + (size - dims + 7) / 8;
  each_item(context_, a.x.dim(0) * heads * items,
            Rotate{.x = floats(a.x),
                   .table = floats(a.table),
                   .y = floats(a.y),
                   .heads = heads,
                   .size = size,
                   .dims = dims,
                   .pair_items = pair_items,
                   .items = items,
                   .halves = a.pairing == Rope::kHalves,
                   .sign = a.inverse ? -1.0f : 1.0f});
}

}  // namespace slm::cuda
