// Registers of small integers: products of bytes summed in fours, and columns of bytes: those of
// kLanes rows, or side by side as a panel has them.
#pragma once

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "backend/cpu/vec.h"

namespace slm::cpu::SLM_ISA {

// Lane by lane, sum + w0 x0 + w1 x1 + w2 x2 + w3 x3: unsigned bytes of w times signed bytes of x,
// which are not -128. kWide: w has bytes above 127, whose products come in pairs that do not fit 16
// bits.
#if defined(__AVX512VNNI__)
template <bool kWide>
inline IVec dot4(IVec sum, UVec w, UVec x) {
  return IVec(_mm512_dpbusd_epi32(__m512i(sum), __m512i(w), __m512i(x)));
}
#elif defined(__AVX512BW__) || defined(__AVX2__)
inline IVec pair_sums(UVec w, UVec x) {
#if defined(__AVX512BW__)
  return IVec(
      _mm512_madd_epi16(_mm512_maddubs_epi16(__m512i(w), __m512i(x)), _mm512_set1_epi16(1)));
#else
  return IVec(
      _mm256_madd_epi16(_mm256_maddubs_epi16(__m256i(w), __m256i(x)), _mm256_set1_epi16(1)));
#endif
}
template <bool kWide>
inline IVec dot4(IVec sum, UVec w, UVec x) {
  if (!kWide) return sum + pair_sums(w, x);
  return sum + pair_sums(w & 0x00ff00ff, x) + pair_sums(w & 0xff00ff00, x);
}
#else
// A byte times a byte fits 16 bits; halves are then spread into lanes.
template <bool>
inline IVec dot4(IVec sum, UVec w, UVec x) {
  using Halves = int16_t __attribute__((vector_size(SLM_VECTOR_BYTES)));
  Halves even = Halves(w & 0x00ff00ff) * (Halves(x << 8) >> 8);
  Halves odd = Halves((w >> 8) & 0x00ff00ff) * (Halves(x) >> 8);
  return sum + (IVec(even) >> 16) + (IVec(UVec(even) << 16) >> 16) + (IVec(odd) >> 16) +
         (IVec(UVec(odd) << 16) >> 16);
}
#endif

// sum + a * b, rounded once where the processor can: asked for by name, as compilers fuse in one
// place what they leave apart in another, and results must not depend on the place.
inline Vec multiply_add(Vec sum, Vec a, Vec b) {
#if defined(__AVX512F__)
  return Vec(_mm512_fmadd_ps(__m512(a), __m512(b), __m512(sum)));
#elif defined(__FMA__)
  return Vec(_mm256_fmadd_ps(__m256(a), __m256(b), __m256(sum)));
#else
  return sum + a * b;
#endif
}

// kLanes rows of bytes, evenly spaced.
struct ByteRows {
  const uint8_t* first;
  int64_t stride;
  const uint8_t* at(int row) const { return first + row * stride; }
};

// 16 bytes of rows row, row + 4, row + 8, ..., one after the other
inline UVec every_fourth_row(const ByteRows& rows, int row) {
#if defined(__AVX512F__)
  auto part = [&](int i) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows.at(row + 4 * i)));
  };
  __m512i all = _mm512_castsi128_si512(part(0));
  all = _mm512_inserti32x4(all, part(1), 1);
  all = _mm512_inserti32x4(all, part(2), 2);
  return UVec(_mm512_inserti32x4(all, part(3), 3));
#else
  UVec all;
  for (int i = 0; i < kLanes / 4; ++i)
    std::memcpy(reinterpret_cast<char*>(&all) + 16 * i, rows.at(row + 4 * i), 16);
  return all;
#endif
}

// Within each 16 bytes: {a0, b0, a1, b1} of kSize bytes each, or {a2, b2, a3, b3} from the `upper`
// halves. Written as shuffles of whole lanes.
template <bool kUpper, int... kLane>
inline UVec weave_lanes(UVec a, UVec b, std::integer_sequence<int, kLane...>) {
  return __builtin_shufflevector(
      a, b, (kLane / 4 * 4 + kLane % 4 / 2 + kLane % 2 * kLanes + 2 * kUpper)...);
}
using PairVec = uint64_t __attribute__((vector_size(SLM_VECTOR_BYTES)));
template <bool kUpper, int... kPair>
inline UVec weave_pairs(UVec a, UVec b, std::integer_sequence<int, kPair...>) {
  return UVec(__builtin_shufflevector(PairVec(a), PairVec(b),
                                      (kPair / 2 * 2 + kPair % 2 * (kLanes / 2) + kUpper)...));
}

// Four bytes from each row: lane r of at[j] has bytes 4 j to 4 j + 3 of row r.
struct Columns {
  UVec at[4];
};

// The 16 bytes of every row from `offset` on, transposed.
inline __attribute__((always_inline)) Columns columns(const ByteRows& block, int64_t offset) {
  constexpr auto kAll = std::make_integer_sequence<int, kLanes>{};
  constexpr auto kPairs = std::make_integer_sequence<int, kLanes / 2>{};
  ByteRows rows{block.first + offset, block.stride};
  UVec r0 = every_fourth_row(rows, 0), r1 = every_fourth_row(rows, 1);
  UVec r2 = every_fourth_row(rows, 2), r3 = every_fourth_row(rows, 3);
  UVec low01 = weave_lanes<false>(r0, r1, kAll), high01 = weave_lanes<true>(r0, r1, kAll);
  UVec low23 = weave_lanes<false>(r2, r3, kAll), high23 = weave_lanes<true>(r2, r3, kAll);
  return {{weave_pairs<false>(low01, low23, kPairs), weave_pairs<true>(low01, low23, kPairs),
           weave_pairs<false>(high01, high23, kPairs), weave_pairs<true>(high01, high23, kPairs)}};
}

// The two bytes of every row at `offset`.
template <int... kRow>
inline HalfVec halves(const ByteRows& block, int64_t offset, std::integer_sequence<int, kRow...>) {
  return HalfVec{load_as<uint16_t>(block.at(kRow) + offset)...};
}
inline HalfVec halves(const ByteRows& block, int64_t offset) {
  return halves(block, offset, std::make_integer_sequence<int, kLanes>{});
}

// The four bytes of every row at `offset`.
template <int... kRow>
inline UVec words(const ByteRows& block, int64_t offset, std::integer_sequence<int, kRow...>) {
  return UVec{load_as<uint32_t>(block.at(kRow) + offset)...};
}
inline UVec words(const ByteRows& block, int64_t offset) {
  return words(block, offset, std::make_integer_sequence<int, kLanes>{});
}

// The same bytes transposed: two or four of each row side by side, and what is at byte `offset` of
// a row begins at byte kLanes * offset.
struct PanelBlock {
  const uint8_t* first;
};
inline HalfVec halves(const PanelBlock& block, int64_t offset) {
  return load_as<HalfVec>(block.first + kLanes * offset);
}
inline UVec words(const PanelBlock& block, int64_t offset) {
  return load_as<UVec>(block.first + kLanes * offset);
}

}  // namespace slm::cpu::SLM_ISA
