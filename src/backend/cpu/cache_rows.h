// Keys or values of successive tokens, read a register at a time in whatever format they are kept:
// rows.at(token, e) are elements e to e + kLanes of a token, its heads one after the other.
#pragma once

#include "backend/cpu/attention_block.h"
#include "backend/cpu/block_weights.h"

namespace slm::cpu::SLM_ISA {

template <class T>
struct PlainRows {
  const typename T::Stored* data;
  int64_t stride;

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

// Tokens read where they are: heads are whole registers.
template <class T>
struct PlainTokens {
  const TokenRows& t;
  PlainRows<T> rows(int64_t first, int64_t) const {
    return {static_cast<const typename T::Stored*>(t.data) + first * t.stride + t.first, t.stride};
  }
};
template <class Block>
struct BlockTokens {
  const TokenRows& t;
  BlockRows<Block> rows(int64_t first, int64_t) const {
    return {static_cast<const Block*>(t.data), first * t.stride + t.first, t.stride};
  }
};

// Tokens that are made floats first, heads in whole registers: where several rows read them, or
// nothing else can.
struct Widened {
  const AttentionHead& a;
  const TokenRows& t;
  int64_t width;             // of a head
  float *unpacked, *floats;  // [unpacked_width(kv_heads * size)], [kTogether, kv_heads, width]

  PlainRows<F32> rows(int64_t first, int64_t count) const {
    int64_t step = a.kv_heads * width;
    for (int64_t i = 0; i < count; ++i)
      with_rows(t, 0, a.kv_heads * a.head_size, first + i, 1, unpacked,
                [&](auto format, auto* heads, int64_t) {
                  copy_padded<decltype(format)>(heads, a.head_size, a.kv_heads, a.head_size,
                                                floats + i * step, width, a.kv_heads);
                });
    return {floats, step};
  }
};

// body(tokens of k, tokens of v). False, and nothing done, for formats there is no way to read in
// place.
template <class Body>
inline bool with_cache_rows(const AttentionHead& a, Body body) {
  bool same = a.k.format == a.v.format && a.k.decode == a.v.decode;
  if (!same || a.head_size % kLanes != 0) return false;
  auto read = [&]<class Tokens>() {
    body(Tokens{a.k}, Tokens{a.v});
    return true;
  };
  if (a.k.decode) {
    if (a.k.block_bytes == sizeof(blocks::Q8_0))
      return read.template operator()<BlockTokens<blocks::Q8_0>>();
    if (a.k.block_bytes == sizeof(blocks::Q4_0))
      return read.template operator()<BlockTokens<blocks::Q4_0>>();
    return false;
  }
  with_format(a.k.format,
              [&](auto format) { read.template operator()<PlainTokens<decltype(format)>>(); });
  return true;
}

}  // namespace slm::cpu::SLM_ISA
