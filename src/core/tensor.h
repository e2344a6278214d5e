// A typed, shaped window onto a storage that lives on one device. Copying copies the handle, not
// the numbers. Elements are contiguous and row-major. Handles are not synchronised: share a tensor
// between threads read-only.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/dtype.h"
#include "core/shape.h"

namespace slm {

class MappedFile;

enum class Device : uint8_t { kHost, kCuda };

// A block of memory. Its address is its identity: gradients mirror storages.
struct Storage {
  std::byte* data = nullptr;
  int64_t bytes = 0;
  Device device = Device::kHost;
  std::shared_ptr<const void> owner;  // frees the memory: an allocation, a mapped file, a pool
  // Whose bytes these are, where they are a mapped file's: then nobody writes them, and their pages
  // may be given back.
  const MappedFile* file = nullptr;
};

class Tensor {
 public:
  Tensor() = default;  // "absent", e.g. no bias
  Tensor(std::shared_ptr<Storage> storage, int64_t byte_offset, Shape shape, DType dtype);

  // Uninitialised host memory, aligned to 64 bytes.
  static Tensor host(const Shape& shape, DType dtype);
  // Memory owned by somebody else; `owner` is kept alive.
  static Tensor wrap(const void* data, const Shape& shape, DType dtype,
                     std::shared_ptr<const void> owner);
  // Bytes of a file from `begin` on, which are there; not to be written.
  static Tensor mapped(std::shared_ptr<const MappedFile> file, int64_t begin, const Shape& shape,
                       DType dtype);
  // Host copies of plain values.
  static Tensor of(std::span<const float> values, const Shape& shape);
  static Tensor of(std::span<const int32_t> values, const Shape& shape);

  explicit operator bool() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  int64_t dim(int axis) const { return shape_[axis]; }  // negative counts from the end
  int64_t elements() const { return elements_; }
  int64_t bytes() const { return bytes_of(dtype_, elements_); }
  DType dtype() const { return dtype_; }
  bool quantized() const { return traits(dtype_).block_elems > 1; }
  Device device() const { return storage_->device; }

  // Views. rows: leading-axis rows [begin, end). slice: elements [begin, end) as one axis. reshape:
  // same element count.
  Tensor rows(int64_t begin, int64_t end) const;
  Tensor slice(int64_t begin, int64_t end) const;
  Tensor reshape(const Shape& shape) const;

  const Storage* storage() const { return storage_.get(); }
  const std::shared_ptr<Storage>& shared_storage() const { return storage_; }
  int64_t byte_offset() const { return byte_offset_; }
  int64_t element_offset() const;  // within the storage, in elements of this type
  bool covers_storage() const { return byte_offset_ == 0 && bytes() == storage_->bytes; }

  // Where it begins, on whatever device: for backends.
  std::byte* address() const { return storage_->data + byte_offset_; }
  // The same three ways of a tensor on the host; others are fetched first (core/allocator.h).
  std::byte* bytes_data() const {
    assert(device() == Device::kHost);
    return address();
  }
  template <class T>
  T* data() const {
    return reinterpret_cast<T*>(bytes_data());
  }
  template <class T>
  std::span<T> span() const {
    return {data<T>(), size_t(elements_)};
  }

 private:
  std::shared_ptr<Storage> storage_;
  int64_t byte_offset_ = 0;
  int64_t elements_ = 0;
  Shape shape_;
  DType dtype_ = DType::kF32;
};

// A host tensor in another floating type (also to and from block formats), rounded as that format
// rounds; the tensor itself when it has that type already.
Tensor to_dtype(const Tensor& t, DType dtype);

}  // namespace slm
