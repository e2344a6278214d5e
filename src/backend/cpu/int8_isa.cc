// Products of activations rounded to eight bits with quantised weights in panels (block_panels.h),
// which are unpacked in registers while they are multiplied. An element is the sum over runs of k
// of factors times an exact integer sum, in one order, whatever its neighbours.
#include <bit>

#include "backend/cpu/block_panels.h"
#include "backend/cpu/isa_kernels.h"
#include "backend/cpu/tile.h"

namespace slm::cpu::SLM_ISA {

constexpr int kRun = kInt8Run;
constexpr int kChunk = 512;          // of k that all rows are multiplied with: for the first cache
constexpr int kAhead = 8192;         // bytes that memory is asked for before they are multiplied
constexpr int kSumGroup = 16;        // smallest group of weights that share a scale
constexpr float kSmallest = 1e-30f;  // runs that nowhere reach this are taken for zeros
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

// Asks for bytes that the processor would not ask for in time by itself.
static inline void fetch_ahead(const uint8_t* from, int64_t ahead, int64_t bytes) {
  uintptr_t next = reinterpret_cast<uintptr_t>(from) + uintptr_t(ahead);
  for (int64_t i = 0; i < bytes; i += 64)
    __builtin_prefetch(reinterpret_cast<const void*>(next + uintptr_t(i)), 0, 2);
}

// The integer sum of group g of a run, of kRows rows, times their factors.
template <class W, int kRows>
static inline __attribute__((always_inline)) void add_group(const PanelBlock& block, int stretch,
                                                            int run, int g, const int8_t* q,
                                                            const int32_t* start,
                                                            const float* scale, Vec factor,
                                                            Vec* sums) {
  constexpr int kWords = W::kGroup / 4;
  IVec dots[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) dots[r] = IVec{} + start[r];
#pragma GCC unroll 8
  for (int j = g * kWords; j < (g + 1) * kWords; ++j) {
    UVec w = W::weights(block, stretch, run, j);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r)
      dots[r] = dot4<W::kWide>(dots[r], w, UVec{} + load_as<uint32_t>(q + r * kRun + 4 * j));
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
    sums[r] = multiply_add(sums[r], factor * scale[r], __builtin_convertvector(dots[r], Vec));
}

// Adds `count` blocks of a panel, from `first` on, times kRows rows that make one tile of x.
template <class W, int kRows>
static void add_blocks(const uint8_t* panel, int64_t first, int64_t count, const Int8Rows& x,
                       int64_t row, Vec* sums) {
  constexpr int64_t kElems = W::Block::kElems, kBytes = kLanes * sizeof(typename W::Block);
  constexpr int kRuns = kElems / kRun, kGroups = kRun / W::kGroup;
  // One or two rows read blocks one after the other as fast as memory gives them: the processor's
  // own looking ahead is best then, and asking for more disturbs it.
  constexpr bool kFetches = kRows > 2 || !W::kInOrder;
  int64_t runs = row * (x.k / kRun) + first * kRuns * kRows;
  const int8_t* q = x.q + runs * kRun;
  const int32_t* start = x.start + runs * kGroups;
  const float *scale = x.scale + runs, *sum = x.sum + runs;
  Vec total[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) total[r] = sums[r];
  for (int64_t n = first; n < first + count; ++n) {
    PanelBlock block{panel + n * kBytes};
    if (kFetches) fetch_ahead(block.first, kAhead, kBytes);
    Vec factors[kRuns * kGroups], shifts[kRuns];
    W::factors(block, factors, shifts);
    for (int stretch = 0; stretch < kRuns / W::kStretch; ++stretch) {
#pragma GCC unroll 4
      for (int run = 0; run < W::kStretch; ++run) {
        int at = stretch * W::kStretch + run;
#pragma GCC unroll 2
        for (int g = 0; g < kGroups; ++g, start += kRows)
          add_group<W, kRows>(block, stretch, run, g, q, start, scale, factors[at * kGroups + g],
                              total);
        if constexpr (W::kShift) {
#pragma GCC unroll 8
          for (int r = 0; r < kRows; ++r)
            total[r] = multiply_add(total[r], shifts[at], splat(sum[r]));
        }
        q += kRows * kRun, scale += kRows, sum += kRows;
      }
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

template <class W>
static void multiply_panel(const Int8Job& a, const uint8_t* panel, int64_t column) {
  constexpr int64_t kElems = W::Block::kElems, kBlocks = kChunk / kElems;
  int64_t blocks = a.x.k / kElems;
  Vec sums[kInt8MostRows];
  for (int64_t r = 0; r < a.x.rows; ++r) sums[r] = Vec{};
  for (int64_t block = 0; block < blocks; block += kBlocks) {
    int64_t n = blocks - block < kBlocks ? blocks - block : kBlocks;
    for (int64_t row = 0, tile; row < a.x.rows; row += tile) {
      tile = int8_tile(a.x.rows - row);
      auto add = tile == 8   ? add_blocks<W, kInt8Tile>
                 : tile == 4 ? add_blocks<W, 4>
                 : tile == 2 ? add_blocks<W, 2>
                             : add_blocks<W, 1>;
      add(panel, block, n, a.x, row, sums + row);
    }
  }
  write(a, column, sums);
}

template <class W>
static void multiply_panels(const Int8Job& a, int64_t panel_begin, int64_t panel_end) {
  int64_t bytes = a.x.k / W::Block::kElems * kLanes * int64_t(sizeof(typename W::Block));
  auto* panel = static_cast<const uint8_t*>(a.panels);
  for (int64_t p = panel_begin; p < panel_end; ++p, panel += bytes)
    multiply_panel<W>(a, panel, p * kLanes);
}

// Rows lie one after the other, but are read in kLanes places at once: those of the next panel are
// asked for.
template <class W>
static void pack_panel(const void* rows, int64_t k, void* panel) {
  constexpr int64_t kBytes = sizeof(typename W::Block);
  int64_t blocks = k / W::Block::kElems, stride = blocks * kBytes;
  auto* from = static_cast<const uint8_t*>(rows);
  auto* to = static_cast<uint8_t*>(panel);
  for (int64_t n = 0; n < blocks; ++n, from += kBytes, to += kLanes * kBytes) {
    fetch_ahead(static_cast<const uint8_t*>(rows), kLanes * (stride + n * kBytes), kLanes * kBytes);
    transpose_block<typename W::Block>({from, stride}, to);
  }
}

template <class W>
constexpr Int8Kernels kernels_of() {
  return {W::kOffset, W::kGroup, pack_panel<W>, multiply_panels<W>};
}

const Int8Kernels kInt8Kernels[kBlockFormats] = {
    kernels_of<Q4_0Panel>(), kernels_of<Q4_1Panel>(), kernels_of<Q5_0Panel>(),
    kernels_of<Q5_1Panel>(), kernels_of<Q8_0Panel>(), kernels_of<Q4_KPanel>(),
    kernels_of<Q5_KPanel>(), kernels_of<Q6_KPanel>(),
};

}  // namespace slm::cpu::SLM_ISA
