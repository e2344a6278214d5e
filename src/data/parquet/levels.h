// Small unsigned numbers as Parquet packs them: runs of one value, and groups of eight values of a
// few bits each. Levels, dictionary indices and booleans are written so.
// Format: Apache Parquet, Encodings.md, "Run Length Encoding / Bit-Packing Hybrid".
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "format/byte_reader.h"

namespace slm {

// `width` bits, 0..32, at bit `position` of `bytes`, which may end within them: the rest is 0.
uint64_t bits_at(std::span<const std::byte> bytes, uint64_t position, int width);

class RunDecoder {
 public:
  RunDecoder(std::span<const std::byte> bytes, int width, const std::string& origin);

  uint32_t next();  // error at the end of the bytes

 private:
  void start_run();

  ByteReader in_;
  int width_;
  int64_t left_ = 0;  // of the run
  bool packed_ = false;
  uint32_t value_ = 0;                 // of a run of one value
  std::span<const std::byte> groups_;  // of packed values
  uint64_t bit_ = 0;                   // the next one's place in them
};

}  // namespace slm
