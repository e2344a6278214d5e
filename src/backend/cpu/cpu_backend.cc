#include "backend/cpu/cpu_backend.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "backend/dry_backend.h"
#include "util/error.h"

namespace slm::cpu {
namespace {

constexpr int64_t kGrain = 1 << 13;  // values worth another thread

}  // namespace

Format format_of(const Tensor& t) {
  switch (t.dtype()) {
    case DType::kF32:
      return Format::kF32;
    case DType::kBF16:
      return Format::kBF16;
    case DType::kF16:
      return Format::kF16;
    default:
      fail(ErrorKind::kUnsupported,
           "[cpu] no arithmetic on {} {}: expected f32, bf16 or f16 (f64 is for the reference "
           "backend, block formats for the weights of linears and for embedding tables)",
           traits(t.dtype()).name, t.shape().to_string());
  }
}

CpuBackend::CpuBackend(const BackendOptions& options, bool dry)
    : pool_(options.threads),
      kernels_(choose_kernels(options.isa)),
      dry_(dry),
      exact_(options.exact),
      memory_(std::make_shared<BlockCache>(dry)),
      packed_(memory_) {}

const BlockKernels* CpuBackend::block_kernels(const Tensor& t) const {
  return t.quantized() ? kernels_.blocks + (int(t.dtype()) - int(DType::kQ4_0)) : nullptr;
}

std::string CpuBackend::description() const {
  return slm::format("cpu ({}{}, {} thread{})", kernels_.name, exact_ ? " exact" : "", pool_.size(),
                     pool_.size() == 1 ? "" : "s");
}

Tensor CpuBackend::empty(const Shape& shape, DType dtype) {
  int64_t bytes = bytes_of(dtype, shape.elements());
  std::shared_ptr<std::byte> block = memory_->take(bytes);
  auto storage = std::make_shared<Storage>(Storage{block.get(), bytes, Device::kHost, block});
  return Tensor(std::move(storage), 0, shape, dtype);
}

void CpuBackend::zero(const Tensor& t) {
  share_values(t.bytes(), 4 * kGrain, [&](int64_t begin, int64_t end) {
    std::memset(t.bytes_data() + begin, 0, size_t(end - begin));
  });
}

std::shared_ptr<float> CpuBackend::scratch(int64_t floats) {
  std::shared_ptr<std::byte> block = memory_->take(floats * int64_t(sizeof(float)));
  return {block, reinterpret_cast<float*>(block.get())};
}

void CpuBackend::share(int64_t count, int64_t grain,
                       const std::function<void(int64_t, int64_t)>& body) {
  if (!dry_) pool_.run(count, grain, body);
}

void CpuBackend::share_values(int64_t count, int64_t grain,
                              const std::function<void(int64_t, int64_t)>& body) {
  constexpr int64_t kUnit = 64;
  if (dry_) return;
  pool_.run((count + kUnit - 1) / kUnit, (grain + kUnit - 1) / kUnit,
            [&](int64_t begin, int64_t end) { body(begin * kUnit, std::min(count, end * kUnit)); });
}

void CpuBackend::jobs(int64_t count, const std::function<void(int64_t)>& body) {
  if (dry_) return;
  std::atomic<int64_t> next{0};
  pool_.run(std::min<int64_t>(pool_.size(), count), 1, [&](int64_t, int64_t) {
    for (int64_t i = next++; i < count; i = next++) body(i);
  });
}

Input::Input(CpuBackend& backend, const Tensor& t) {
  if (!t) return;
  Format format = format_of(t);
  data_ = t.data<float>();
  if (format == Format::kF32) return;
  copy_ = backend.scratch(t.elements());
  data_ = copy_.get();
  backend.share_values(t.elements(), kGrain, [&](int64_t begin, int64_t end) {
    backend.kernels_.widen(format, t.data<uint16_t>() + begin, 1, copy_.get() + begin, end - begin);
  });
}

Result::Result(CpuBackend& backend, const Tensor& t, float beta,
               std::initializer_list<const Result*> others)
    : backend_(backend), tensor_(t), beta_(beta) {
  if (!t) return;
  Format format = format_of(t);
  data_ = t.data<float>();
  if (format == Format::kF32) return;
  for (const Result* other : others)
    if (other->tensor_ && other->tensor_.bytes_data() == t.bytes_data()) {
      data_ = other->data_;
      return;
    }
  copy_ = backend.scratch(t.elements());
  data_ = copy_.get();
  if (beta == 0) return;
  backend.share_values(t.elements(), kGrain, [&](int64_t begin, int64_t end) {
    backend.kernels_.widen(format, t.data<uint16_t>() + begin, 1, data_ + begin, end - begin);
  });
}

Result::~Result() {
  if (!copy_) return;
  backend_.share_values(tensor_.elements(), kGrain, [&](int64_t begin, int64_t end) {
    backend_.kernels_.narrow(format_of(tensor_), data_ + begin, tensor_.data<uint16_t>() + begin,
                             end - begin);
  });
}

}  // namespace slm::cpu

namespace slm {

std::unique_ptr<Backend> make_cpu_backend(const BackendOptions& options) {
  return std::make_unique<cpu::CpuBackend>(options);
}

DryBackend make_dry_backend() {
  auto cpu = std::make_unique<cpu::CpuBackend>(BackendOptions{}, /*dry=*/true);
  const cpu::CpuBackend* counted = cpu.get();
  return {std::move(cpu), [counted] { return counted->most_bytes(); }};
}

}  // namespace slm
