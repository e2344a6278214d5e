#include "format/tensor_files.h"

#include <array>
#include <cstring>
#include <span>
#include <utility>

#include "util/error.h"

namespace slm {
namespace {

// Copies a strided window row by row of its last axis, walking the outer axes like an odometer.
Tensor gather(const std::byte* from, const TensorEntry& entry, std::span<const int64_t> strides) {
  Tensor out = Tensor::host(entry.shape, entry.dtype);
  size_t size = size_t(traits(entry.dtype).block_bytes);
  std::byte* to = out.bytes_data();
  std::array<int64_t, Shape::kMaxRank> at{};
  int last = entry.shape.rank() - 1;
  for (int64_t rest = out.elements(); rest > 0; rest -= entry.shape[last]) {
    int64_t row = 0;
    for (int axis = 0; axis < last; ++axis) row += at[size_t(axis)] * strides[size_t(axis)];
    for (int64_t i = 0; i < entry.shape[last]; ++i, to += size)
      std::memcpy(to, from + size_t(row + i * strides[size_t(last)]) * size, size);
    for (int axis = last - 1; axis >= 0 && ++at[size_t(axis)] == entry.shape[axis]; --axis)
      at[size_t(axis)] = 0;
  }
  return out;
}

}  // namespace

const TensorEntry* TensorFiles::find(std::string_view name) const {
  auto it = index_.find(std::string(name));
  return it == index_.end() ? nullptr : &entries_[it->second];
}

Tensor TensorFiles::load(std::string_view name) const {
  auto it = index_.find(std::string(name));
  if (it == index_.end()) fail(ErrorKind::kNotFound, "the checkpoint has no tensor \"{}\"", name);
  const TensorEntry& entry = entries_[it->second];
  const Place& place = places_[it->second];
  const std::byte* from = place.file->bytes().data() + place.byte_offset;
  if (!place.strides.empty()) return gather(from, entry, place.strides);
  const DTypeTraits& format = traits(entry.dtype);
  // blocks are made of bytes and 16-bit numbers
  size_t alignment = format.block_elems > 1 ? 2 : size_t(format.block_bytes);
  if (reinterpret_cast<uintptr_t>(from) % alignment == 0)
    return Tensor::mapped(place.file, place.byte_offset, entry.shape, entry.dtype);
  Tensor copy = Tensor::host(entry.shape, entry.dtype);
  if (copy.bytes() > 0) std::memcpy(copy.bytes_data(), from, size_t(copy.bytes()));
  return copy;
}

void TensorFiles::release_pages() const {
  const MappedFile* last = nullptr;  // tensors of a file come one after the other
  for (const Place& place : places_)
    if (std::exchange(last, place.file.get()) != place.file.get()) place.file->release_pages();
}

void TensorFiles::add(TensorEntry entry, Place place, const std::string& origin) {
  check_data(index_.emplace(entry.name, entries_.size()).second,
             "{}: tensor \"{}\" appears a second time", origin, entry.name);
  entries_.push_back(std::move(entry));
  places_.push_back(std::move(place));
}

void TensorFiles::absorb(TensorFiles&& other, const std::string& origin) {
  for (size_t i = 0; i < other.entries_.size(); ++i)
    add(std::move(other.entries_[i]), std::move(other.places_[i]), origin);
  if (metadata_.empty()) metadata_ = std::move(other.metadata_);
}

}  // namespace slm
