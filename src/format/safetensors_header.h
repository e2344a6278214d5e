// The safetensors header: 8 bytes of length, then JSON that says where each tensor lies. Everything
// is validated before anything is used: JSON of the exact schema, no name twice, sizes that agree
// with shapes, and tensors that tile the data exactly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/shape.h"

namespace slm {

struct SafetensorsHeader {
  struct Entry {
    std::string name;
    DType dtype;
    Shape shape;
    int64_t begin, end;  // bytes, from the start of the data
  };
  std::vector<Entry> tensors;  // in the order of their data
  std::map<std::string, std::string> metadata;
  int64_t data_start;  // byte of the file at which the data starts
};

// Reads and validates the header of a whole file. `origin` (the file name) starts every error.
SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file,
                                           const std::string& origin);

}  // namespace slm
