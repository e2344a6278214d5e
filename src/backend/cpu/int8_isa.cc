// Products of activations rounded to eight bits with quantised weights. A panel of kLanes rows of
// weights is unpacked into bytes a chunk of k at a time, read once for all rows of x. An element is
// the sum over runs of k of factors times an exact integer sum, in one order, whatever its
// neighbours.
#include <bit>

#include "backend/cpu/block_panels.h"
#include "backend/cpu/isa_kernels.h"
#include "backend/cpu/tile.h"

namespace slm::cpu::SLM_ISA {

constexpr int kRun = kInt8Run;
constexpr int kChunk = 512;    // of k in an unpacked panel: 8 KiB of bytes, for the first cache
constexpr int kSumGroup = 16;  // smallest group of weights that share a scale
constexpr float kSmallest = 1e-30f;     // runs that nowhere reach this are taken for zeros
constexpr float kRounding = 0x1.8p23f;  // adding it rounds to an integer: the low byte

// Rows of the next tile of `left` rows.
constexpr int kInt8Tile = kLanes == 16 ? 8 : 4;
static int64_t int8_tile(int64_t left) {
  return left >= kInt8Tile ? kInt8Tile : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

// The largest magnitude of a run; NaN if one is there: as integers, magnitudes are in order and NaN
// comes after infinity.
static float largest_of(const float* x) {
  IVec most{};
  for (int i = 0; i < kRun; i += kLanes) {
    IVec magnitude = IVec(UVec(load(x + i)) & 0x7fffffff);
    most = magnitude > most ? magnitude : most;
  }
  return fold_lanes(Vec(most), [](Vec a, Vec b) { return IVec(a) > IVec(b) ? a : b; });
}

// q = x * steps, rounded to nearest; returns the sum of the q of each group.
static void round_run(const float* x, float steps, int8_t* q, int32_t* sums) {
  using ByteVec = int8_t __attribute__((vector_size(kLanes)));
  for (int g = 0; g < kRun / kSumGroup; ++g) {
    IVec sum{};
    for (int i = g * kSumGroup; i < (g + 1) * kSumGroup; i += kLanes) {
      IVec rounded = IVec(UVec(load(x + i) * steps + kRounding) << 24) >> 24;
      store_as(q + i, __builtin_convertvector(rounded, ByteVec));
      sum += rounded;
    }
    sums[g] = std::bit_cast<int32_t>(
        fold_lanes(Vec(sum), [](Vec a, Vec b) { return Vec(IVec(a) + IVec(b)); }));
  }
}

void to_int8(const float* x, const Int8Rows& to, int64_t row_begin, int64_t row_end) {
  int64_t runs = to.k / kRun, groups = kRun / to.group;
  for (int64_t row = row_begin, tile; row < row_end; row += tile) {
    tile = int8_tile(row_end - row);
    for (int64_t r = 0; r < tile; ++r)
      for (int64_t i = 0; i < runs; ++i) {
        const float* run = x + (row + r) * to.k + i * kRun;
        int64_t at = row * runs + i * tile + r;
        int32_t sums[kRun / kSumGroup];
        float largest = largest_of(run), scale = largest / 127;
        round_run(run, largest > kSmallest ? 127 / largest : 0, to.q + at * kRun, sums);
        to.scale[at] = scale;
        to.sum[at] = scale * float(sums[0] + sums[1]);
        if (groups == 1) sums[0] += sums[1];
        for (int64_t g = 0; g < groups; ++g)
          to.start[(row * runs + i * tile) * groups + g * tile + r] = -to.offset * sums[g];
      }
  }
}

struct alignas(64) UnpackedPanel {
  UVec w[kChunk / 4];
  Vec scale[kChunk / kSumGroup], shift[kChunk / kRun];
};

// Asks for the bytes of the next panel while this one is worked on: the blocks of a panel lie one
// after the other in memory, but are read in kLanes places at once.
static inline void fetch_ahead(const ByteRows& rows, int64_t bytes_before, int64_t bytes) {
  uintptr_t next = reinterpret_cast<uintptr_t>(rows.at(kLanes)) + uintptr_t(bytes_before);
  for (int64_t i = 0; i < bytes; i += 64)
    __builtin_prefetch(reinterpret_cast<const void*>(next + uintptr_t(i)), 0, 2);
}

// body(n, rows from the block on) for blocks first + n of a panel, n < count
template <class W, class Body>
static inline __attribute__((always_inline)) void each_block(const ByteRows& rows, int64_t first,
                                                             int64_t count, Body body) {
  constexpr int64_t kBytes = sizeof(typename W::Block);
  for (int64_t n = 0; n < count; ++n) {
    fetch_ahead(rows, (first + n) * kLanes * kBytes, kLanes * kBytes);
    body(n, ByteRows{rows.first + (first + n) * kBytes, rows.stride});
  }
}

template <class W>
static void unpack(const ByteRows& rows, int64_t first, int64_t count, UnpackedPanel& to) {
  constexpr int64_t kElems = W::Block::kElems;
  each_block<W>(rows, first, count, [&](int64_t n, const ByteRows& block) {
    UVec* w = to.w + n * kElems / 4;
    W::weights(block, [&](int i, UVec v) { w[i] = v; });
    W::factors(block, to.scale + n * kElems / W::kGroup, to.shift + n * kElems / kRun);
  });
}

// Adds `runs` runs of k, from `first` on, of kRows rows that make one tile of x.
template <class W, int kRows>
static inline void add_runs(const UnpackedPanel& panel, const Int8Rows& x, int64_t row,
                            int64_t first, int64_t runs, Vec* sums) {
  constexpr int kGroups = kRun / W::kGroup;
  int64_t at = row * (x.k / kRun) + first * kRows;
  const int8_t* q = x.q + at * kRun;
  const int32_t* start = x.start + at * kGroups;
  const float *scale = x.scale + at, *sum = x.sum + at;
  const UVec* w = panel.w;
  Vec total[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) total[r] = sums[r];
  for (int64_t i = 0; i < runs; ++i, q += kRows * kRun, scale += kRows, sum += kRows) {
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g, start += kRows) {
      IVec dots[kRows];
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) dots[r] = IVec{} + start[r];
#pragma GCC unroll 8
      for (int j = 0; j < W::kGroup / 4; ++j, ++w)
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r)
          dots[r] = dot4<W::kWide>(
              dots[r], *w, UVec{} + load_as<uint32_t>(q + r * kRun + g * W::kGroup + 4 * j));
      Vec factor = panel.scale[i * kGroups + g];
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r)
        total[r] = multiply_add(total[r], factor * scale[r], __builtin_convertvector(dots[r], Vec));
    }
    if constexpr (W::kShift) {
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r)
        total[r] = multiply_add(total[r], panel.shift[i], splat(sum[r]));
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) sums[r] = total[r];
}

static void write(const Int8Job& a, int64_t column, const Vec* sums) {
  int64_t n = a.columns - column < kLanes ? a.columns - column : kLanes;
  Vec bias = !a.bias ? Vec{} : n == kLanes ? load(a.bias + column) : load_part(a.bias + column, n);
  for (int64_t r = 0; r < a.x.rows; ++r) {
    float* out = a.out + r * a.columns + column;
    Vec y = a.alpha * sums[r] + bias;
    if (a.beta != 0) y += a.beta * (n == kLanes ? load(out) : load_part(out, n));
    n == kLanes ? store(out, y) : store_part(out, y, n);
  }
}

// All of k for a single row: nothing of the panel is used twice, so it stays in registers.
template <class W>
static Vec multiply_row(const ByteRows& rows, int64_t blocks, const Int8Rows& x) {
  constexpr int kElems = W::Block::kElems, kGroups = kElems / W::kGroup, kRuns = kElems / kRun;
  Vec total{};
  each_block<W>(rows, 0, blocks, [&](int64_t n, const ByteRows& block) {
    const int8_t* q = x.q + n * kElems;
    IVec dots[kGroups];
#pragma GCC unroll 16
    for (int g = 0; g < kGroups; ++g) dots[g] = IVec{} + x.start[n * kGroups + g];
    W::weights(block, [&](int i, UVec w) {
      IVec& sum = dots[4 * i / W::kGroup];
      sum = dot4<W::kWide>(sum, w, UVec{} + load_as<uint32_t>(q + 4 * i));
    });
    Vec scale[kGroups], shift[kRuns];
    W::factors(block, scale, shift);
#pragma GCC unroll 8
    for (int i = 0; i < kRuns; ++i) {
#pragma GCC unroll 2
      for (int g = i * kGroups / kRuns; g < (i + 1) * kGroups / kRuns; ++g)
        total = multiply_add(total, scale[g] * x.scale[n * kRuns + i],
                             __builtin_convertvector(dots[g], Vec));
      if constexpr (W::kShift) total = multiply_add(total, shift[i], splat(x.sum[n * kRuns + i]));
    }
  });
  return total;
}

template <class W>
static void multiply_rows(const ByteRows& rows, int64_t blocks, const Int8Rows& x, Vec* sums) {
  constexpr int64_t kElems = W::Block::kElems, kBlocks = kChunk / kElems;
  UnpackedPanel panel;
  for (int64_t r = 0; r < x.rows; ++r) sums[r] = Vec{};
  for (int64_t block = 0; block < blocks; block += kBlocks) {
    int64_t n = blocks - block < kBlocks ? blocks - block : kBlocks;
    unpack<W>(rows, block, n, panel);
    for (int64_t row = 0, tile; row < x.rows; row += tile) {
      tile = int8_tile(x.rows - row);
      auto add = tile == 8   ? add_runs<W, kInt8Tile>
                 : tile == 4 ? add_runs<W, 4>
                 : tile == 2 ? add_runs<W, 2>
                             : add_runs<W, 1>;
      add(panel, x, row, block * kElems / kRun, n * kElems / kRun, sums + row);
    }
  }
}

template <class W>
static void multiply_panel(const Int8Job& a, int64_t column) {
  int64_t blocks = a.x.k / W::Block::kElems, stride = blocks * int64_t(sizeof(typename W::Block));
  bool whole = column + kLanes <= a.columns;
  auto* w = static_cast<const uint8_t*>(whole ? a.w : a.last) + (whole ? column * stride : 0);
  Vec sums[kInt8MostRows];
  if (a.x.rows == 1)
    sums[0] = multiply_row<W>({w, stride}, blocks, a.x);
  else
    multiply_rows<W>({w, stride}, blocks, a.x, sums);
  write(a, column, sums);
}

template <class W>
static void multiply_panels(const Int8Job& a, int64_t panel_begin, int64_t panel_end) {
  for (int64_t p = panel_begin; p < panel_end; ++p) multiply_panel<W>(a, p * kLanes);
}

template <class W>
constexpr Int8Kernels kernels_of() {
  return {W::kOffset, W::kGroup, multiply_panels<W>};
}

const Int8Kernels kInt8Kernels[kBlockFormats] = {
    kernels_of<Q4_0Panel>(), kernels_of<Q4_1Panel>(), kernels_of<Q5_0Panel>(),
    kernels_of<Q5_1Panel>(), kernels_of<Q8_0Panel>(), kernels_of<Q4_KPanel>(),
    kernels_of<Q5_KPanel>(), kernels_of<Q6_KPanel>(),
};

}  // namespace slm::cpu::SLM_ISA
