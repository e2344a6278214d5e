// A GGUF header: counts, metadata, and where each tensor lies. Everything is validated before
// anything is used, and no memory is taken on the word of a number in the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/shape.h"
#include "format/gguf_metadata.h"

namespace slm {

inline constexpr uint32_t kGgufMagic = 0x46554747;  // "GGUF"
inline constexpr uint32_t kGgufVersion = 3;
inline constexpr int64_t kGgufDefaultAlignment = 32;
inline constexpr int kGgufMaxRank = 4;
inline constexpr size_t kGgufMaxTensorName = 63;

struct GgufHeader {
  struct Entry {
    std::string name;
    DType dtype;
    Shape shape;         // outermost first
    int64_t begin, end;  // bytes, from the start of the file
  };
  GgufMetadata metadata;
  std::vector<Entry> tensors;  // in the order of the file
};

// Reads and validates the header of a whole file. `origin` (the file name) starts every error.
GgufHeader parse_gguf_header(std::span<const std::byte> file, const std::string& origin);

// "general.alignment", by default 32. Error unless a power of two from 8 to 65536.
int64_t gguf_alignment(const GgufMetadata& metadata);

}  // namespace slm
