// A register of floats for the instruction set a *_isa.cc file is being compiled for, over the
// compilers' vector extensions: + - * / and comparisons are the language's own. SLM_ISA and
// SLM_VECTOR_BYTES come from the build. Everything lives in a namespace per instruction set, so
// the linker can never mix them up.
#pragma once

#ifdef __F16C__
#include <immintrin.h>
#endif

#include <cstdint>
#include <cstring>
#include <utility>

#include "backend/cpu/kernels.h"

namespace slm::cpu::SLM_ISA {

constexpr int kLanes = SLM_VECTOR_BYTES / 4;

using Vec = float __attribute__((vector_size(SLM_VECTOR_BYTES)));
using IVec = int32_t __attribute__((vector_size(SLM_VECTOR_BYTES)));
using UVec = uint32_t __attribute__((vector_size(SLM_VECTOR_BYTES)));
using HalfVec = uint16_t __attribute__((vector_size(SLM_VECTOR_BYTES / 2)));

// Memory is not aligned to registers; these compile to one unaligned move.
template <class V>
inline V load_as(const void* p) {
  V v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}
template <class V>
inline void store_as(void* p, const V& v) {
  std::memcpy(p, &v, sizeof(v));
}

inline Vec load(const float* p) { return load_as<Vec>(p); }
inline void store(float* p, Vec v) { store_as(p, v); }
inline Vec splat(float x) { return x - Vec{}; }

inline Vec load_part(const float* p, int64_t n) {
  float lanes[kLanes] = {};
  for (int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return load(lanes);
}
inline void store_part(float* p, Vec v, int64_t n) {
  float lanes[kLanes];
  store(lanes, v);
  for (int64_t i = 0; i < n; ++i) p[i] = lanes[i];
}

// Where a strip of up to one register of elements lies: all lanes, or the last few of a row.
struct FullStrip {
  int64_t at;
  Vec load(const float* p) const { return SLM_ISA::load(p + at); }
  void store(float* p, Vec v) const { SLM_ISA::store(p + at, v); }
  void store(Output out, Vec v) const {
    store(out.data, out.beta == 0 ? v : v + out.beta * load(out.data));
  }
  Vec only(Vec v, float = 0) const { return v; }
};
struct PartStrip {
  int64_t at, n;
  Vec load(const float* p) const { return load_part(p + at, n); }
  void store(float* p, Vec v) const { store_part(p + at, v, n); }
  void store(Output out, Vec v) const {
    store(out.data, out.beta == 0 ? v : v + out.beta * load(out.data));
  }
  Vec only(Vec v, float rest = 0) const {  // `rest` in the lanes past the end
    float lanes[kLanes];
    SLM_ISA::store(lanes, v);
    for (int64_t i = n; i < kLanes; ++i) lanes[i] = rest;
    return SLM_ISA::load(lanes);
  }
};

// body(strip) for every strip of n elements.
template <class Body>
inline __attribute__((always_inline)) void strips(int64_t n, Body body) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) body(FullStrip{i});
  if (i < n) body(PartStrip{i, n - i});
}

// Keeps a product from being fused into the sum it goes to: for differences that must come out as
// 0.
inline Vec rounded(Vec v) {
  asm("" : "+x"(v));
  return v;
}

inline Vec max(Vec a, Vec b) { return a > b ? a : b; }

// v with lane i and lane i ^ kMask swapped
template <int kMask, int... kLane>
inline Vec swapped(Vec v, std::integer_sequence<int, kLane...>) {
  return __builtin_shufflevector(v, v, (kLane ^ kMask)...);
}
template <int kMask = kLanes / 2, class Combine>
inline float fold_lanes(Vec v, Combine combine) {
  if constexpr (kMask == 0)
    return v[0];
  else
    return fold_lanes<kMask / 2>(
        combine(v, swapped<kMask>(v, std::make_integer_sequence<int, kLanes>{})), combine);
}
inline float sum_lanes(Vec v) {
  return fold_lanes(v, [](Vec a, Vec b) { return a + b; });
}
inline float max_lanes(Vec v) {
  return fold_lanes(v, [](Vec a, Vec b) { return max(a, b); });
}

// Zero-extends every lane. Spelled as a shuffle with zeros, which both compilers turn into the one
// instruction there is for it; of __builtin_convertvector GCC 12 makes six.
template <int... kLane>
inline UVec zero_extended(HalfVec h, std::integer_sequence<int, kLane...>) {
  return UVec(__builtin_shufflevector(h, HalfVec{}, (kLane % 2 ? kLanes : kLane / 2)...));
}
inline UVec zero_extended(HalfVec h) {
  return zero_extended(h, std::make_integer_sequence<int, 2 * kLanes>{});
}

// The low half of every lane.
template <int... kLane>
inline HalfVec low_halves(UVec u, std::integer_sequence<int, kLane...>) {
  using Pairs = uint16_t __attribute__((vector_size(SLM_VECTOR_BYTES)));
  return __builtin_shufflevector(Pairs(u), Pairs(u), (2 * kLane)...);
}
inline HalfVec low_halves(UVec u) {
  return low_halves(u, std::make_integer_sequence<int, kLanes>{});
}

// Number formats in memory, each read one register at a time.
struct F32 {
  using Stored = float;
  static Vec load(const float* p) { return SLM_ISA::load(p); }
  static float load_one(const float* p) { return *p; }
};

struct BF16 {
  using Stored = uint16_t;
  static Vec widen(HalfVec h) { return Vec(zero_extended(h) << 16); }
  static Vec load(const uint16_t* p) { return widen(load_as<HalfVec>(p)); }
  static float load_one(const uint16_t* p) { return widen(HalfVec{*p})[0]; }
  static HalfVec narrow(Vec v) {
    UVec u = UVec(v), magnitude = u & 0x7fffffff;
    UVec rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;
    return low_halves(magnitude > 0x7f800000 ? (u >> 16 | 0x40) : rounded);
  }
};

struct F16 {
  using Stored = uint16_t;
#if defined(__AVX512F__)  // "maskz": GCC 12 warns of its own header in the plain one
  static Vec widen(HalfVec h) { return Vec(_mm512_maskz_cvtph_ps(0xffff, __m256i(h))); }
#elif defined(__F16C__)
  static Vec widen(HalfVec h) { return Vec(_mm256_cvtph_ps(__m128i(h))); }
#else
  static Vec widen(HalfVec h) {
    UVec u = zero_extended(h), magnitude = (u & 0x7fff) << 13;
    Vec value = Vec(magnitude) * 0x1p112f;  // moves the exponent; subnormals come out right too
    UVec bits = magnitude >= 0x0f800000 ? magnitude | 0x7f800000 : UVec(value);
    return Vec(bits | (u & 0x8000) << 16);
  }
#endif
  static Vec load(const uint16_t* p) { return widen(load_as<HalfVec>(p)); }
  static float load_one(const uint16_t* p) { return widen(HalfVec{*p})[0]; }
  static HalfVec narrow(Vec v) {
    UVec u = UVec(v), magnitude = u & 0x7fffffff;
    UVec normal = ((magnitude + 0xfff + (magnitude >> 13 & 1)) >> 13) - (112 << 10);
    // 0.5 has steps of 2^-24, those of the subnormals: adding it rounds there
    UVec subnormal = UVec(Vec(magnitude) + 0.5f) - 0x3f000000;
    UVec finite = magnitude < 0x38800000 ? subnormal : normal;
    UVec special = magnitude > 0x7f800000 ? UVec{} + 0x7e00 : UVec{} + 0x7c00;
    UVec bits = magnitude >= 0x477ff000 ? special : finite;
    return low_halves(bits | (u >> 16 & 0x8000));
  }
};

// body(F32{}), body(BF16{}) or body(F16{})
template <class Body>
inline void with_format(Format format, Body body) {
  switch (format) {
    case Format::kF32:
      return body(F32{});
    case Format::kBF16:
      return body(BF16{});
    case Format::kF16:
      return body(F16{});
  }
}

template <class T>
inline Vec load_part_of(const typename T::Stored* p, int64_t n) {
  typename T::Stored lanes[kLanes] = {};
  for (int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return T::load(lanes);
}

}  // namespace slm::cpu::SLM_ISA
