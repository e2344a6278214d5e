// GGUF, the single-file format of llama.cpp: metadata (architecture, sizes, tokenizer) and tensors,
// plain or in quantised blocks. Format: the GGUF specification of the ggml project; versions 2 and
// 3 are read, 3 is written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "format/gguf_metadata.h"
#include "format/tensor_files.h"
#include "format/tensor_source.h"

namespace slm {

struct GgufFile {
  GgufMetadata metadata;
  TensorFiles tensors;  // axes outermost first, as everywhere here: the reverse of the file's order
};

// The file stays mapped. Everything is validated before anything is used.
GgufFile open_gguf(const std::filesystem::path& path);

// True when the file begins with the four letters of the format; false for anything else, a
// directory included.
bool is_gguf(const std::filesystem::path& path);

// Atomic, and holds one tensor at a time. The alignment is "general.alignment", by default 32.
// Error for a type the format has no number for, more than 4 axes, or names over 63 bytes.
void write_gguf(const std::filesystem::path& path, const GgufMetadata& metadata,
                std::span<const TensorSource> tensors);

}  // namespace slm
