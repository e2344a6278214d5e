// One kv head's keys or values of successive tokens, read a register at a time in whatever format
// they are kept: rows.at(token, e) are elements e to e + kLanes. Heads must be whole registers.
#pragma once

#include "backend/cpu/attention_block.h"
#include "backend/cpu/block_weights.h"

namespace slm::cpu::SLM_ISA {

template <class T>
struct PlainRows {
  const typename T::Stored* data;
  int64_t stride;

  PlainRows(const typename T::Stored* rows, int64_t step) : data(rows), stride(step) {}
  PlainRows(const TokenRows& t, int64_t head_at, int64_t token)
      : data(static_cast<const typename T::Stored*>(t.data) + token * t.stride + head_at),
        stride(t.stride) {}
  Vec at(int64_t row, int64_t e) const { return T::load(data + row * stride + e); }
};

#ifdef __F16C__
inline Vec scale_register(uint16_t half) { return F16::widen(HalfVec{} + half); }
#else
inline Vec scale_register(uint16_t half) { return splat(scale_of(half)); }
#endif

// Blocks of 32 are laid over whole tokens, so a head may begin within one.
template <class Block>
struct BlockRows {
  const Block* blocks;
  int64_t first, stride;

  BlockRows(const TokenRows& t, int64_t head_at, int64_t token)
      : blocks(static_cast<const Block*>(t.data)),
        first(token * t.stride + head_at),
        stride(t.stride) {}
  Vec at(int64_t row, int64_t e) const {
    int64_t element = first + row * stride + e;
    const Block& b = blocks[element / kCacheBlock];
    return steps(b, element % kCacheBlock) * scale_register(b.d);
  }

 private:
  static Vec steps(const blocks::Q8_0& b, int64_t i) {
    return to_float((load_bytes(b.q + i) ^ 128) - 128);
  }
  static Vec steps(const blocks::Q4_0& b, int64_t i) {
    return to_float((load_bytes(b.low + i % 16) >> uint32_t(i / 16 * 4) & 15) - 8);
  }
};

// body(rows of k, rows of v) for one head from a token on. False, and nothing done, for formats
// there is no way to read in place.
template <class Body>
inline bool with_cache_rows(const AttentionHead& a, int64_t head, int64_t token, Body body) {
  bool same = a.k.format == a.v.format && a.k.decode == a.v.decode;
  if (!same || a.head_size % kLanes != 0) return false;
  int64_t at = a.k.first + head * a.head_size;
  auto read = [&]<class Rows>() {
    body(Rows(a.k, at, token), Rows(a.v, at, token));
    return true;
  };
  if (a.k.decode) {
    if (a.k.block_bytes == sizeof(blocks::Q8_0))
      return read.template operator()<BlockRows<blocks::Q8_0>>();
    if (a.k.block_bytes == sizeof(blocks::Q4_0))
      return read.template operator()<BlockRows<blocks::Q4_0>>();
    return false;
  }
  switch (a.k.format) {
    case Format::kF32:
      return read.template operator()<PlainRows<F32>>();
    case Format::kBF16:
      return read.template operator()<PlainRows<BF16>>();
    case Format::kF16:
      return read.template operator()<PlainRows<F16>>();
  }
  return false;
}

}  // namespace slm::cpu::SLM_ISA
