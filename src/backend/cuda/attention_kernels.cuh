// The attention kernels as functions of the host: one per kernel, each in a file of its own.
// Offsets of heads and types are settled by the caller (attention.cc).
#pragma once

#include "backend/cuda/any_number.cuh"
#include "backend/cuda/attention_view.cuh"
#include "backend/cuda/context.h"

namespace slm::cuda {

struct AttentionResult {
  void* y;            // [Tq, H, E]
  float* lse;         // [Tq, H], may be null
  bool wide = false;  // y in f32, whatever the rows are in
};

// What a gradient is added to, [T, heads, E]; null: not wanted.
struct AttentionGradient {
  void* data = nullptr;
  DType type = DType::kF32;
  float beta = 0;
  int heads = 0;

  // value[i] = beta * value[i] + x
  __device__ void add(int64_t i, float x) const {
    set_number(type, data, i, beta == 0 ? x : beta * number_at(type, data, i) + x);
  }
};

struct AttentionDerivative {
  HeadRows dy;
  const float *lse, *drift;  // [Tq, H]; drift: dy . y
  float* totals;             // [Tq, H], of the plain kernels: the first makes it for the second
  AttentionGradient dq, dk, dv;
};

// Rows in bf16 or f16, all in one type; a row of a head is whole 16-byte pieces, aligned. y in that
// type, or wide.
void forward_tiles(CudaContext& cx, DType type, const AttentionView& a, const Segments& segments,
                   const AttentionResult& to);
void query_gradient_tiles(CudaContext& cx, DType type, const AttentionView& a,
                          const Segments& segments, const AttentionDerivative& d);
// No key in two segments.
void key_gradient_tiles(CudaContext& cx, DType type, const AttentionView& a,
                        const Segments& segments, const AttentionDerivative& d);

// The same in f32, any alignment. The gradient of queries comes first, wanted or not.
void forward_plain(CudaContext& cx, const AttentionView& a, const Segments& segments,
                   const AttentionResult& to);
void query_gradient_plain(CudaContext& cx, const AttentionView& a, const Segments& segments,
                          const AttentionDerivative& d);
void key_gradient_plain(CudaContext& cx, const AttentionView& a, const Segments& segments,
                        const AttentionDerivative& d);

// q and y in `type`; k and v in `key_type`, any float or blocks of 32: read as they are.
void decode(CudaContext& cx, DType type, DType key_type, const AttentionView& a,
            const Segments& segments, const AttentionResult& to);

// The same device memory for every kernel of a call.
inline std::shared_ptr<AttentionWork> upload(CudaContext& cx,
                                             const std::vector<AttentionWork>& works) {
  return cx.upload(std::span<const AttentionWork>(works.data(), works.size()));
}
inline unsigned blocks_for(const std::vector<AttentionWork>& works, int heads) {
  return unsigned(works.size()) * unsigned(heads);
}

// The first of a list in order of size that is large enough.
template <class List>
const auto& instance_for(const List& instances, int size) {
  for (const auto& i : instances)
    if (size <= i.size) return i;
  fail(ErrorKind::kUnsupported, "[cuda] heads of {} values: at most 256 are expected", size);
}

}  // namespace slm::cuda
