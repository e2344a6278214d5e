#include "backend/cpu/isa_kernels.h"
#include "backend/cpu/tile.h"

namespace slm::cpu::SLM_ISA {

// Lines contiguous along k: kLanes lines at a time are transposed into the panel.
template <class T, int kLines>
static void pack_lines(const PackJob& a, int64_t first, int64_t lines, float* panel) {
  auto* data = static_cast<const typename T::Stored*>(a.data);
  for (int64_t l = 0; l < kLines; l += kLanes) {
    int64_t here = lines - l < 0 ? 0 : lines - l;
    int64_t most = kLines - l < kLanes ? kLines - l : kLanes;
    transpose_rows<T>(data + (first + l) * a.stride + a.k_begin, a.stride,
                      here < most ? here : most, a.k_count, panel + l, kLines);
  }
}

// Lines side by side in memory: each k is one sweep over all panels, a short copy into each. Full
// registers are read where the row has that many more values; what they bring in past a panel is
// overwritten by its next k, or slack.
template <class T, int kLines>
static void pack_columns(const PackJob& a, int64_t panel_begin, int64_t panel_end) {
  auto* row = static_cast<const typename T::Stored*>(a.data) + a.k_begin * a.stride;
  for (int64_t k = 0; k < a.k_count; ++k, row += a.stride)
    for (int64_t p = panel_begin; p < panel_end; ++p) {
      float* panel = a.packed + p * a.panel_stride + k * kLines;
      for (int64_t l = 0; l < kLines; l += kLanes) {
        int64_t at = p * kLines + l, rest = a.line_count - at;
        store(panel + l, rest >= kLanes ? T::load(row + at)
                         : rest > 0     ? load_part_of<T>(row + at, rest)
                                        : Vec{});
      }
    }
}

static HalfVec load_halves(const uint16_t* p, int64_t n) {
  if (n >= kLanes) return load_as<HalfVec>(p);
  uint16_t lanes[kLanes] = {};
  for (int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return load_as<HalfVec>(lanes);
}

// pack_columns of two rows of bf16 at a time: the first in the low halves.
template <int kLines>
static void pack_pair_columns(const PackJob& a, int64_t panel_begin, int64_t panel_end) {
  auto* row = static_cast<const uint16_t*>(a.data) + 2 * a.k_begin * a.stride;
  for (int64_t k = 0; k < a.k_count; ++k, row += 2 * a.stride)
    for (int64_t p = panel_begin; p < panel_end; ++p) {
      float* panel = a.packed + p * a.panel_stride + k * kLines;
      for (int64_t l = 0; l < kLines; l += kLanes) {
        int64_t at = p * kLines + l, rest = a.line_count - at;
        UVec low = zero_extended(load_halves(row + at, rest));
        UVec high = zero_extended(load_halves(row + a.stride + at, rest));
        store_as(panel + l, low | high << 16);
      }
    }
}

template <class T, int kLines>
static void pack_rows(const PackJob& a, int64_t panel_begin, int64_t panel_end) {
  for (int64_t p = panel_begin; p < panel_end; ++p) {
    int64_t first = p * kLines,
            lines = a.line_count - first < kLines ? a.line_count - first : kLines;
    pack_lines<T, kLines>(a, first, lines, a.packed + p * a.panel_stride);
  }
}

template <int kLines>
static void pack(const PackJob& a, int64_t panel_begin, int64_t panel_end) {
  if (a.pairs) return pack_pair_columns<kLines>(a, panel_begin, panel_end);
  with_format(a.format, [&](auto format) {
    using T = decltype(format);
    a.lines_are_rows ? pack_rows<T, kLines>(a, panel_begin, panel_end)
                     : pack_columns<T, kLines>(a, panel_begin, panel_end);
  });
}

void pack_a(const PackJob& a, int64_t panel_begin, int64_t panel_end) {
  pack<kTileRows>(a, panel_begin, panel_end);
}
void pack_b(const PackJob& a, int64_t panel_begin, int64_t panel_end) {
  pack<kTileColumns>(a, panel_begin, panel_end);
}

static Vec finished(const TileJob& a, Vec sum, Vec old, Vec bias) {
  Vec v = a.alpha * sum;
  if (a.beta == 1)
    v += old;
  else if (a.beta != 0)
    v += a.beta * old;
  return v + bias;
}

static void write_whole(const TileJob& a, const Tile& tile, int64_t row, int64_t column) {
  float* c = a.c + row * a.c_stride + column;
  Vec bias[2] = {};
  if (a.bias) bias[0] = load(a.bias + column), bias[1] = load(a.bias + column + kLanes);
#pragma GCC unroll 16
  for (int i = 0; i < kTileRows; ++i, c += a.c_stride)
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      float* at = c + j * kLanes;
      store(at, finished(a, tile.at[i][j], a.beta == 0 ? Vec{} : load(at), bias[j]));
    }
}

static void write_part(const TileJob& a, const Tile& tile, int64_t row, int64_t column) {
  int64_t rows = a.rows - row < kTileRows ? a.rows - row : kTileRows;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < 2; ++j) {
      int64_t at = column + j * kLanes, n = a.columns - at < kLanes ? a.columns - at : kLanes;
      if (n <= 0) continue;
      float* c = a.c + (row + i) * a.c_stride + at;
      Vec old = a.beta == 0 ? Vec{} : load_part(c, n);
      Vec bias = a.bias ? load_part(a.bias + at, n) : Vec{};
      store_part(c, finished(a, tile.at[i][j], old, bias), n);
    }
}

// The panel of b stays in the first cache while the panels of a stream past it from the second.
template <bool kPairs>
static void multiply_panels(const TileJob& a, int64_t row_panel_begin, int64_t row_panel_end,
                            int64_t column_panel_begin, int64_t column_panel_end) {
  for (int64_t q = column_panel_begin; q < column_panel_end; ++q)
    for (int64_t p = row_panel_begin; p < row_panel_end; ++p) {
      int64_t row = p * kTileRows, column = q * kTileColumns;
      for (int64_t i = 0; i < kTileRows && row + i < a.rows; ++i)
        for (int64_t j = 0; j < 2; ++j)
          __builtin_prefetch(a.c + (row + i) * a.c_stride + column + j * kLanes, 1);
      Tile tile =
          (kPairs ? multiply_pairs : multiply)(a.k_count, a.a + p * a.a_panel_stride, kTileRows,
                                               a.b + q * a.b_panel_stride, kTileColumns);
      if (row + kTileRows <= a.rows && column + kTileColumns <= a.columns)
        write_whole(a, tile, row, column);
      else
        write_part(a, tile, row, column);
    }
}

void tiles(const TileJob& a, int64_t row_panel_begin, int64_t row_panel_end,
           int64_t column_panel_begin, int64_t column_panel_end) {
  (kHasPairs && a.pairs ? multiply_panels<kHasPairs>
                        : multiply_panels<false>)(a, row_panel_begin, row_panel_end,
                                                  column_panel_begin, column_panel_end);
}

// Rows of w, in their own format, against f32.
template <class T>
struct Widened {
  using Stored = typename T::Stored;
  using Register = Vec;
  static constexpr int kTerms = kLanes;  // of the sum in a register
  static Register load(const Stored* w) { return T::load(w); }
  static Vec add(Vec sum, Register w, const float* x) { return sum + w * SLM_ISA::load(x); }
  static float product(Stored w, float x) { return T::load_one(&w) * x; }
};

// Rows of bf16 against bf16.
struct Pairs {
  using Stored = uint16_t;
  using Register = UVec;
  static constexpr int kTerms = 2 * kLanes;
  static Register load(const Stored* w) { return load_as<UVec>(w); }
  static Vec add(Vec sum, Register w, const uint16_t* x) {
    return add_pairs(sum, w, load_as<UVec>(x));
  }
  static float product(Stored w, uint16_t x) { return BF16::load_one(&w) * BF16::load_one(&x); }
};

// kRows rows of x against kColumns rows of w: w is read once.
template <class T, int kRows, int kColumns, class X>
static void dot_block(const DotJob& a, const X* x, int64_t column) {
  auto* w = static_cast<const typename T::Stored*>(a.w) + column * a.k;
  Vec sums[kColumns][kRows] = {};
  // the next rows of w begin where these end, and are asked for as fast as these are read
  uintptr_t next = reinterpret_cast<uintptr_t>(w + kColumns * a.k);
  constexpr int kStep = kColumns * T::kTerms * int(sizeof(typename T::Stored));
  int64_t k = 0;
  for (; k + T::kTerms <= a.k; k += T::kTerms, next += kStep) {
    for (int i = 0; i < kStep; i += 64)
      __builtin_prefetch(reinterpret_cast<const void*>(next + uintptr_t(i)), 0, 2);
#pragma GCC unroll 8
    for (int n = 0; n < kColumns; ++n) {
      typename T::Register row = T::load(w + n * a.k + k);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) sums[n][r] = T::add(sums[n][r], row, x + r * a.k + k);
    }
  }
  for (int n = 0; n < kColumns; ++n)
    for (int r = 0; r < kRows; ++r) {
      float sum = sum_lanes(sums[n][r]);
      for (int64_t i = k; i < a.k; ++i) sum += T::product(w[n * a.k + i], x[r * a.k + i]);
      float* out = a.out + r * a.columns + column + n;
      float y = a.alpha * sum + (a.bias ? a.bias[column + n] : 0);
      *out = a.beta == 0 ? y : y + a.beta * *out;
    }
}

template <class T, int kRows, class X>
static void dot_columns(const DotJob& a, const X* x, int64_t begin, int64_t end) {
  constexpr int kColumns = kRows == 1 ? 8 : kRows <= 4 ? 4 : 3;
  int64_t n = begin;
  for (; n + kColumns <= end; n += kColumns) dot_block<T, kRows, kColumns>(a, x, n);
  for (; n < end; ++n) dot_block<T, kRows, 1>(a, x, n);
}

template <class T, class X>
static void dot_rows(const DotJob& a, const X* x, int64_t begin, int64_t end) {
  switch (a.rows) {
    case 1:
      return dot_columns<T, 1>(a, x, begin, end);
    case 2:
      return dot_columns<T, 2>(a, x, begin, end);
    case 3:
      return dot_columns<T, 3>(a, x, begin, end);
    case 4:
      return dot_columns<T, 4>(a, x, begin, end);
    case 5:
      return dot_columns<T, 5>(a, x, begin, end);
    case 6:
      return dot_columns<T, 6>(a, x, begin, end);
    case 7:
      return dot_columns<T, 7>(a, x, begin, end);
    default:
      return dot_columns<T, 8>(a, x, begin, end);
  }
}

void dots(const DotJob& a, int64_t begin, int64_t end) {
  if constexpr (kHasPairs)
    if (a.pairs) return dot_rows<Pairs>(a, a.pairs, begin, end);
  with_format(a.format,
              [&](auto format) { dot_rows<Widened<decltype(format)>>(a, a.x, begin, end); });
}

}  // namespace slm::cpu::SLM_ISA
