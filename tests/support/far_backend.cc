#include "support/far_backend.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "util/error.h"

namespace slm::testing {
namespace {

size_t whole_pages(int64_t bytes) {
  auto page = size_t(sysconf(_SC_PAGESIZE));
  return std::max((size_t(bytes) + page - 1) / page * page, page);
}

void allow(const Storage& storage, int access) {
  if (mprotect(storage.data, whole_pages(storage.bytes), access) != 0)
    fail(ErrorKind::kNoMemory, "[far] the system does not change the access to {} bytes",
         storage.bytes);
}

// The memory of one call, open while it lasts.
class Door {
 public:
  explicit Door(const char* call) : call_(call) {}
  ~Door() {
    for (const auto& storage : open_)
      mprotect(storage->data, whole_pages(storage->bytes), PROT_NONE);
  }
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;

  // Each becomes a view of the same memory as one of the host.
  template <class... T>
  void open(T&... t) {
    (open_one(t), ...);
  }
  void open_here_too(Tensor& t) {
    if (t && t.device() != Device::kHost) open_one(t);
  }

 private:
  void open_one(GradSlot& slot) { open_one(slot.grad); }
  void open_one(Tensor& t) {
    if (!t) return;
    check(t.device() == Device::kCuda, "[far] {} is given {} {} on the host", call_,
          traits(t.dtype()).name, t.shape().to_string());
    allow(*t.storage(), PROT_READ | PROT_WRITE);
    open_.push_back(t.shared_storage());
    auto here = std::make_shared<Storage>(*t.storage());
    here->device = Device::kHost;
    t = Tensor(std::move(here), t.byte_offset(), t.shape(), t.dtype());
  }

  const char* call_;
  std::vector<std::shared_ptr<Storage>> open_;
};

}  // namespace

Tensor FarBackend::empty(const Shape& shape, DType dtype) {
  int64_t bytes = bytes_of(dtype, shape.elements());
  size_t size = whole_pages(bytes);
  void* memory = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) fail(ErrorKind::kNoMemory, "[far] no memory for {} bytes", bytes);
  std::shared_ptr<const void> owner(memory,
                                    [size](const void* p) { munmap(const_cast<void*>(p), size); });
  auto storage = std::make_shared<Storage>(
      Storage{static_cast<std::byte*>(memory), bytes, Device::kCuda, std::move(owner)});
  return Tensor(std::move(storage), 0, shape, dtype);
}

void FarBackend::zero(const Tensor& given) {
  Door door("zero");
  Tensor t = given;
  door.open(t);
  inner_->zero(t);
}

void FarBackend::copy(const Tensor& given_from, const Tensor& given_to) {
  Door door("copy");
  Tensor from = given_from, to = given_to;
  door.open_here_too(from);
  door.open_here_too(to);
  inner_->copy(from, to);
}

void FarBackend::copy_rows(const Tensor& given_from, const Tensor& given_to,
                           std::span<const RowRun> runs) {
  Door door("copy_rows");
  Tensor from = given_from, to = given_to;
  door.open_here_too(from);
  door.open_here_too(to);
  inner_->copy_rows(from, to, runs);
}

void FarBackend::add(const AddArgs& given) {
  Door door("add");
  AddArgs a = given;
  door.open(a.a, a.b, a.y);
  inner_->add(a);
}

void FarBackend::accumulate(float alpha, const Tensor& given_x, const GradSlot& given_into) {
  Door door("accumulate");
  Tensor x = given_x;
  GradSlot into = given_into;
  door.open(x, into);
  inner_->accumulate(alpha, x, into);
}

double FarBackend::sum_squares(const Tensor& given) {
  Door door("sum_squares");
  Tensor x = given;
  door.open(x);
  return inner_->sum_squares(x);
}

std::vector<double> FarBackend::block_squares(const Tensor& given, int64_t block) {
  Door door("block_squares");
  Tensor x = given;
  door.open(x);
  return inner_->block_squares(x, block);
}

void FarBackend::gemm(const GemmArgs& given) {
  Door door("gemm");
  GemmArgs a = given;
  door.open(a.a, a.b, a.c, a.bias);
  inner_->gemm(a);
}

void FarBackend::column_sum(const ColumnSumArgs& given) {
  Door door("column_sum");
  ColumnSumArgs a = given;
  door.open(a.x, a.grad);
  inner_->column_sum(a);
}

void FarBackend::norm_forward(const NormArgs& given) {
  Door door("norm_forward");
  NormArgs a = given;
  door.open(a.x, a.w, a.b, a.y, a.stats);
  inner_->norm_forward(a);
}

void FarBackend::norm_backward(const NormArgs& given, const NormGrads& given_grads) {
  Door door("norm_backward");
  NormArgs a = given;
  NormGrads g = given_grads;
  a.y = {};  // it is not needed, and may have been let go
  door.open(a.x, a.w, a.b, a.stats, g.dy, g.dx, g.dw, g.db);
  inner_->norm_backward(a, g);
}

void FarBackend::rope_table(const RopeTableArgs& given) {
  Door door("rope_table");
  RopeTableArgs a = given;
  door.open_here_too(a.positions);
  door.open(a.table);
  inner_->rope_table(a);
}

void FarBackend::rope(const RopeArgs& given) {
  Door door("rope");
  RopeArgs a = given;
  door.open(a.x, a.table, a.y);
  inner_->rope(a);
}

void FarBackend::attention_forward(const AttentionArgs& given) {
  Door door("attention_forward");
  AttentionArgs a = given;
  door.open(a.q, a.k, a.v, a.y, a.lse);
  door.open_here_too(a.slopes);
  inner_->attention_forward(a);
}

void FarBackend::attention_backward(const AttentionArgs& given, const AttentionGrads& given_grads) {
  Door door("attention_backward");
  AttentionArgs a = given;
  AttentionGrads g = given_grads;
  door.open(a.q, a.k, a.v, a.y, a.lse, g.dy, g.dq, g.dk, g.dv);
  door.open_here_too(a.slopes);
  inner_->attention_backward(a, g);
}

void FarBackend::activation_forward(const ActivationArgs& given) {
  Door door("activation_forward");
  ActivationArgs a = given;
  door.open(a.x, a.up, a.y);
  inner_->activation_forward(a);
}

void FarBackend::activation_backward(const ActivationArgs& given,
                                     const ActivationGrads& given_grads) {
  Door door("activation_backward");
  ActivationArgs a = given;
  ActivationGrads g = given_grads;
  a.y = {};
  door.open(a.x, a.up, g.dy, g.dx, g.dup);
  inner_->activation_backward(a, g);
}

void FarBackend::clip(const ClipArgs& given) {
  Door door("clip");
  ClipArgs a = given;
  door.open(a.x, a.dy, a.y);
  inner_->clip(a);
}

void FarBackend::dropout(const DropoutArgs& given) {
  Door door("dropout");
  DropoutArgs a = given;
  door.open(a.x, a.y);
  inner_->dropout(a);
}

void FarBackend::embed_forward(const EmbedArgs& given) {
  Door door("embed_forward");
  EmbedArgs a = given;
  door.open_here_too(a.ids);
  door.open(a.table, a.y);
  inner_->embed_forward(a);
}

void FarBackend::embed_backward(const EmbedArgs& given, const EmbedGrads& given_grads) {
  Door door("embed_backward");
  EmbedArgs a = given;
  EmbedGrads g = given_grads;
  a.y = {};
  door.open_here_too(a.ids);
  door.open(a.table, g.dy, g.dtable);
  inner_->embed_backward(a, g);
}

void FarBackend::cross_entropy(const CrossEntropyArgs& given) {
  Door door("cross_entropy");
  CrossEntropyArgs a = given;
  door.open_here_too(a.targets);
  door.open(a.logits, a.losses);
  inner_->cross_entropy(a);
}

void FarBackend::adamw(const AdamWArgs& given) {
  Door door("adamw");
  AdamWArgs a = given;
  door.open(a.value, a.grad, a.m, a.v, a.working);
  inner_->adamw(a);
}

std::unique_ptr<Backend> make_far_backend(int threads) {
  return std::make_unique<FarBackend>(
      make_cpu_backend({.threads = threads, .isa = {}, .exact = true}));
}

}  // namespace slm::testing
