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
#include "format/tensor_source.h"

namespace slm {

using TensorMetadata = std::map<std::string, std::string>;

TensorFiles open_safetensors(const std::filesystem::path& path);

// Atomic: the file appears only when complete. Streams: one tensor in memory at a time.
void write_safetensors(const std::filesystem::path& path, std::span<const TensorSource> tensors,
                       const TensorMetadata& metadata = {{"format", "pt"}});

struct CheckpointOptions {
  int64_t max_shard_bytes = int64_t{5'000'000'000};
  TensorMetadata metadata = {{"format", "pt"}};
};

// Fills a directory with model.safetensors, or, when the tensors exceed `max_shard_bytes`, with
// model-00001-of-0000N.safetensors ... and model.safetensors.index.json. Tensors keep their order
// across shards; one larger than the limit has a shard of its own. Streams like write_safetensors.
//
// Nothing half-written looks like a model: every shard is complete under a temporary name before
// the first is renamed; what would make the directory a model (config.json, an index) is taken away
// before that, the index comes after, and the caller writes config.json last. Weight files of an
// earlier save that the new one does not have are removed at the end. When writing fails, the
// directory is as it was.
void write_checkpoint_dir(const std::filesystem::path& dir, std::span<const TensorSource> tensors,
                          const CheckpointOptions& options = {});

}  // namespace slm
