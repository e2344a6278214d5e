#include "core/tensor.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <new>

#include "util/error.h"
#include "util/mapped_file.h"

namespace slm {
namespace {

constexpr int64_t kAlignment = 64;  // one cache line, one AVX-512 register

template <class T>
Tensor copy_of(std::span<const T> values, const Shape& shape, DType dtype) {
  Tensor t = Tensor::host(shape, dtype);
  check(int64_t(values.size()) == t.elements(), "[tensor] {} values for shape {}", values.size(),
        shape.to_string());
  if (!values.empty()) std::memcpy(t.bytes_data(), values.data(), values.size_bytes());
  return t;
}

}  // namespace

Tensor::Tensor(std::shared_ptr<Storage> storage, int64_t byte_offset, Shape shape, DType dtype)
    : storage_(std::move(storage)),
      byte_offset_(byte_offset),
      elements_(shape.elements()),
      shape_(shape),
      dtype_(dtype) {
  check(!quantized() || (shape.rank() > 0 && shape[-1] % traits(dtype).block_elems == 0),
        "[tensor] {} {}: rows must be a whole number of blocks of {}", traits(dtype).name,
        shape.to_string(), traits(dtype).block_elems);
  check(byte_offset >= 0 && byte_offset <= storage_->bytes &&
            bytes() <= storage_->bytes - byte_offset,
        "[tensor] {} {} at byte {} does not fit in a storage of {} bytes", traits(dtype).name,
        shape.to_string(), byte_offset, storage_->bytes);
}

Tensor Tensor::host(const Shape& shape, DType dtype) {
  int64_t bytes = bytes_of(dtype, shape.elements());
  check(bytes < int64_t{1} << 46, "[tensor] {} {} needs {} bytes", traits(dtype).name,
        shape.to_string(), bytes);
  size_t rounded = size_t((bytes + kAlignment - 1) / kAlignment * kAlignment);
  void* memory = std::aligned_alloc(kAlignment, rounded ? rounded : size_t(kAlignment));
  if (!memory)
    fail(ErrorKind::kNoMemory, "[tensor] cannot allocate {} bytes for {} {}", bytes,
         traits(dtype).name, shape.to_string());
  auto storage =
      std::make_shared<Storage>(Storage{static_cast<std::byte*>(memory), bytes, Device::kHost, {}});
  storage->owner =
      std::shared_ptr<const void>(memory, [](const void* p) { std::free(const_cast<void*>(p)); });
  return Tensor(std::move(storage), 0, shape, dtype);
}

Tensor Tensor::wrap(const void* data, const Shape& shape, DType dtype,
                    std::shared_ptr<const void> owner) {
  auto* bytes = static_cast<std::byte*>(const_cast<void*>(data));
  auto storage = std::make_shared<Storage>(
      Storage{bytes, bytes_of(dtype, shape.elements()), Device::kHost, std::move(owner)});
  return Tensor(std::move(storage), 0, shape, dtype);
}

Tensor Tensor::mapped(std::shared_ptr<const MappedFile> file, int64_t begin, const Shape& shape,
                      DType dtype) {
  const MappedFile* source = file.get();
  Tensor t = wrap(source->bytes().data() + begin, shape, dtype, std::move(file));
  t.storage_->file = source;
  return t;
}

Tensor Tensor::of(std::span<const float> values, const Shape& shape) {
  return copy_of(values, shape, DType::kF32);
}

Tensor Tensor::of(std::span<const int32_t> values, const Shape& shape) {
  return copy_of(values, shape, DType::kI32);
}

Tensor Tensor::rows(int64_t begin, int64_t end) const {
  check(shape_.rank() >= 1 && 0 <= begin && begin <= end && end <= dim(0),
        "[tensor] rows {}..{} of {}", begin, end, shape_.to_string());
  int64_t row = dim(0) ? elements_ / dim(0) : 0;
  std::array<int64_t, Shape::kMaxRank> dims;
  std::copy(shape_.dims().begin(), shape_.dims().end(), dims.begin());
  dims[0] = end - begin;
  return Tensor(storage_, byte_offset_ + bytes_of(dtype_, begin * row),
                Shape(std::span<const int64_t>(dims.data(), size_t(shape_.rank()))), dtype_);
}

Tensor Tensor::slice(int64_t begin, int64_t end) const {
  return reshape({elements_}).rows(begin, end);
}

Tensor Tensor::reshape(const Shape& shape) const {
  check(shape.elements() == elements_, "[tensor] cannot view {} as {}", shape_.to_string(),
        shape.to_string());
  return Tensor(storage_, byte_offset_, shape, dtype_);
}

int64_t Tensor::element_offset() const {
  return byte_offset_ / traits(dtype_).block_bytes * traits(dtype_).block_elems;
}

Tensor to_dtype(const Tensor& t, DType dtype) {
  if (t.dtype() == dtype) return t;
  const DTypeTraits &from = traits(t.dtype()), &to = traits(dtype);
  check(from.floating && to.floating, "[tensor] {} does not convert to {}", from.name, to.name);
  Tensor out = Tensor::host(t.shape(), dtype);
  std::array<float, 4096> chunk;
  for (int64_t begin = 0; begin < t.elements(); begin += int64_t(chunk.size())) {
    int64_t n = std::min(t.elements() - begin, int64_t(chunk.size()));
    from.to_f32(t.bytes_data() + bytes_of(t.dtype(), begin), chunk.data(), n);
    to.from_f32(chunk.data(), out.bytes_data() + bytes_of(dtype, begin), n);
  }
  return out;
}

}  // namespace slm
