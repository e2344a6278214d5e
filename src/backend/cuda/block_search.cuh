// The search for a block's scale of core/blocks/fit.cc, with equal weights and bit by bit. Four
// lanes take a block of 32, as the host's vectors have four places: lane l has the numbers l,
// l + 4, .., l + 28, and the lanes' sums are added up as the host adds up a vector. All lanes of a
// warp come along.
#pragma once

#include "backend/cuda/numbers.cuh"
#include "core/blocks/fit.h"

namespace slm::cuda {

inline constexpr int kBlockLanes = 4, kLaneNumbers = 8;
using LaneNumbers = float[kLaneNumbers];
using LaneIntegers = int[kLaneNumbers];

// What fit.h has for the host, as an argument of kernels.
struct Spans {
  static constexpr int kCount = sizeof(blocks::kSpans) / sizeof(float);
  float at[kCount];
};

__device__ inline float block_sum_of_lanes(float x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

// The first of those that are largest in magnitude; NaN is none of them.
__device__ inline float block_extreme(const LaneNumbers& x, int lane) {
  float extreme = 0;
  int place = kBlockLanes * kLaneNumbers;
#pragma unroll
  for (int i = 0; i < kLaneNumbers; ++i)
    if (fabsf(x[i]) > fabsf(extreme)) extreme = x[i], place = lane + kBlockLanes * i;
  for (int distance = 1; distance < kBlockLanes; distance *= 2) {
    float other = __shfl_xor_sync(0xffffffffu, extreme, distance);
    int there = __shfl_xor_sync(0xffffffffu, place, distance);
    bool first = fabsf(other) == fabsf(extreme) && there < place;
    if (fabsf(other) > fabsf(extreme) || first) extreme = other, place = there;
  }
  return extreme;
}

// The nearest integer from kLo to kHi; kLo for NaN.
template <int kLo, int kHi>
__device__ float nearest(float x) {
  constexpr float kShift = 0x1.8p23f;  // leaves no bits for a fraction
  x = x > float(kLo) ? x : float(kLo);
  x = x < float(kHi) ? x : float(kHi);
  return __fadd_rn(__fadd_rn(x, kShift), -kShift);
}

// A scale and by how much it lowers the squared error; below zero: none was found.
struct ScaleFit {
  float scale, gain;
};

__device__ inline void keep_better(ScaleFit& best, const ScaleFit& other) {
  if (other.gain > best.gain) best = other;
}

// The best scale for the integers nearest to x * inverse.
template <int kLo, int kHi>
__device__ ScaleFit best_scale(const LaneNumbers& x, float inverse) {
  float xq = 0, qq = 0;
#pragma unroll
  for (int i = 0; i < kLaneNumbers; ++i) {
    float q = nearest<kLo, kHi>(__fmul_rn(x[i], inverse));
    xq = __fadd_rn(xq, __fmul_rn(q, x[i]));  // no multiply-add: the host rounds both
    qq += q * q;                             // whole numbers, exact
  }
  xq = block_sum_of_lanes(xq);
  qq = block_sum_of_lanes(qq);
  float scale = xq / qq;
  return qq > 0 ? ScaleFit{scale, __fmul_rn(scale, xq)} : ScaleFit{0, -1};
}

// blocks::fit_scale. What it leaves early changes nothing any more: a refinement that gains nothing
// is repeated, and lanes of other blocks may still need this one.
template <int kLo, int kHi>
__device__ float fit_scale(const LaneNumbers& x, int lane, const Spans& spans) {
  float extreme = block_extreme(x, lane);
  ScaleFit best{extreme / float(kLo), -1};
#pragma unroll 1
  for (int i = 0; i < 2 * Spans::kCount; ++i) {
    bool low = i < Spans::kCount;
    float span = spans.at[low ? i : i - Spans::kCount];
    float steps = low ? float(kLo) - span : float(kHi) + span;
    keep_better(best, best_scale<kLo, kHi>(x, steps / extreme));
  }
#pragma unroll 1
  for (int i = 0; i < blocks::kRefinements; ++i)
    keep_better(best, best_scale<kLo, kHi>(x, 1 / best.scale));
  return extreme == 0 ? 0 : best.scale;
}

// blocks::to_scale
__device__ inline f16 to_scale(float x) {
  constexpr float kMost = blocks::kMostScale;
  return from_float<f16>(!(x > -kMost) ? -kMost : x < kMost ? x : kMost);
}

// blocks::assign: the integers of this scale.
template <int kLo, int kHi>
__device__ void assign(const LaneNumbers& x, float scale, LaneIntegers& q) {
  float inverse = scale == 0 ? 0 : 1 / scale;
#pragma unroll
  for (int i = 0; i < kLaneNumbers; ++i) q[i] = int(nearest<kLo, kHi>(__fmul_rn(x[i], inverse)));
}

}  // namespace slm::cuda
