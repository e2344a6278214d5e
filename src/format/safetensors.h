// safetensors files, read and written. Format: 8 bytes of header length, JSON header, raw
// little-endian row-major data. Files we write are what the Hugging Face tools write: header padded
// to 8 bytes, tensors in the same order.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "format/tensor_files.h"

namespace slm {

struct NamedTensor {
  std::string name;
  Tensor tensor;  // on the host
};

using TensorMetadata = std::map<std::string, std::string>;

TensorFiles open_safetensors(const std::filesystem::path& path);

// Atomic: the file appears only when complete. Streams, so it needs no memory beyond the header.
void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                       const TensorMetadata& metadata = {{"format", "pt"}});

// Fills a directory with model.safetensors, or, when the tensors exceed `max_shard_bytes`, with
// model-00001-of-0000N.safetensors ... and model.safetensors.index.json. Tensors keep their order
// across shards; one larger than the limit has a shard of its own. Weight files of an earlier save
// that the new one does not have are removed at the end. Each file is replaced atomically, the set
// of them is not: to be safe from a crash, write into a fresh directory and rename that.
void write_checkpoint_dir(const std::filesystem::path& dir, std::span<const NamedTensor> tensors,
                          int64_t max_shard_bytes = int64_t{5'000'000'000});

}  // namespace slm
