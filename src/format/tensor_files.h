// The tensors of a checkpoint, whatever container they lie in: one file, or shards under an index.
// Files stay mapped; a tensor is read only when asked for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/dtype.h"
#include "core/shape.h"
#include "core/tensor.h"
#include "util/mapped_file.h"

namespace slm {

struct TensorEntry {
  std::string name;
  DType dtype;
  Shape shape;
};

// Safe to share between threads once built.
class TensorFiles {
 public:
  // Where a tensor's numbers lie. `strides` in elements, one per axis; empty means row-major.
  struct Place {
    std::shared_ptr<const MappedFile> file;
    int64_t byte_offset = 0;
    std::vector<int64_t> strides = {};
  };

  const std::vector<TensorEntry>& entries() const { return entries_; }
  const TensorEntry* find(std::string_view name) const;  // null: not there
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  // The tensor on the host: a view that keeps the file mapped when its numbers lie contiguous and
  // aligned to their own size (2 for block formats), else a copy. Never write through it. Error
  // when there is no such name.
  Tensor load(std::string_view name) const;

  // Gives back the memory that reading has filled; tensors stay valid and are read anew.
  void release_pages() const;

  // For the readers of containers. The reader has checked that the place lies inside the file;
  // `origin` names the file in the error for a name that is already there.
  void add(TensorEntry entry, Place place, const std::string& origin);
  void set_metadata(std::map<std::string, std::string> metadata) {
    metadata_ = std::move(metadata);
  }
  void absorb(TensorFiles&& other, const std::string& origin);

 private:
  std::vector<TensorEntry> entries_;
  std::vector<Place> places_;
  std::unordered_map<std::string, size_t> index_;
  std::map<std::string, std::string> metadata_;
};

// Opens the weights of a model directory: model.safetensors, model.safetensors.index.json,
// pytorch_model.bin or pytorch_model.bin.index.json, the first that is there.
TensorFiles open_checkpoint_dir(const std::filesystem::path& dir);

}  // namespace slm
