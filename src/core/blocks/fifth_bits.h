// The fifth bits of 32 weights in four bytes, weight i in bit i.
#pragma once

#include <cstdint>

namespace slm::blocks {

inline int fifth_bit(const uint8_t (&high)[4], int i) { return (high[i / 8] >> i % 8 & 1) << 4; }

// q[i] from 0 to 31
inline void split_fifth_bits(const int8_t* q, uint8_t (&high)[4], uint8_t (&low)[16]) {
  for (uint8_t& byte : high) byte = 0;
  for (int i = 0; i < 32; ++i) high[i / 8] |= uint8_t((q[i] >> 4 & 1) << i % 8);
  for (int i = 0; i < 16; ++i) low[i] = uint8_t((q[i] & 15) | (q[i + 16] & 15) << 4);
}

}  // namespace slm::blocks
