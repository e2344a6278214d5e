#include "backend/cpu/block_weights.h"
#include "backend/cpu/isa_kernels.h"

namespace slm::cpu::SLM_ISA {

template <class Weights>
static void decode(const void* blocks, float scale, float* out, int64_t n) {
  using Block = typename Weights::Block;
  auto* block = static_cast<const Block*>(blocks);
  for (int64_t at = 0; at < n; at += Block::kElems, ++block)
    Weights::each(*block, [&](int i, Vec v) { store(out + at + i, scale * v); });
}

// kRows rows of x against kColumns rows of w, which is decoded once.
template <class Weights, int kRows, int kColumns>
static void dot_block(const DotJob& a, int64_t column) {
  using Block = typename Weights::Block;
  int64_t blocks = a.k / Block::kElems;
  auto* w = static_cast<const Block*>(a.w) + column * blocks;
  Vec sums[kColumns][kRows] = {};
  for (int64_t b = 0; b < blocks; ++b) {
    const float* x = a.x + b * Block::kElems;
#pragma GCC unroll 4
    for (int n = 0; n < kColumns; ++n)
      Weights::each(w[n * blocks + b], [&](int i, Vec v) {
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) sums[n][r] += v * load(x + r * a.k + i);
      });
  }
  for (int n = 0; n < kColumns; ++n)
    for (int r = 0; r < kRows; ++r) {
      float* out = a.out + r * a.columns + column + n;
      float y = a.alpha * sum_lanes(sums[n][r]) + (a.bias ? a.bias[column + n] : 0);
      *out = a.beta == 0 ? y : y + a.beta * *out;
    }
}

template <class Weights, int kRows>
static void dot_columns(const DotJob& a, int64_t begin, int64_t end) {
  constexpr int kColumns = kRows <= 2 ? 2 : 1;
  int64_t n = begin;
  for (; n + kColumns <= end; n += kColumns) dot_block<Weights, kRows, kColumns>(a, n);
  for (; n < end; ++n) dot_block<Weights, kRows, 1>(a, n);
}

// Rows in fours: decoding costs about as much as two rows' sums, and every number of rows would be
// code of its own for every format.
template <class Weights>
static void dots(const DotJob& a, int64_t begin, int64_t end) {
  DotJob part = a;
  for (int64_t row = 0; row < a.rows;) {
    part.x = a.x + row * a.k;
    part.out = a.out + row * a.columns;
    part.rows = a.rows - row;
    if (part.rows >= 4)
      dot_columns<Weights, 4>(part, begin, end), row += 4;
    else if (part.rows >= 2)
      dot_columns<Weights, 2>(part, begin, end), row += 2;
    else
      dot_columns<Weights, 1>(part, begin, end), row += 1;
  }
}

const BlockKernels kBlockKernels[kBlockFormats] = {
    {decode<Q4_0Weights>, dots<Q4_0Weights>}, {decode<Q4_1Weights>, dots<Q4_1Weights>},
    {decode<Q5_0Weights>, dots<Q5_0Weights>}, {decode<Q5_1Weights>, dots<Q5_1Weights>},
    {decode<Q8_0Weights>, dots<Q8_0Weights>}, {decode<Q4_KWeights>, dots<Q4_KWeights>},
    {decode<Q5_KWeights>, dots<Q5_KWeights>}, {decode<Q6_KWeights>, dots<Q6_KWeights>},
};

}  // namespace slm::cpu::SLM_ISA
