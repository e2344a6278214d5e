#include "backend/traced_backend.h"

namespace slm {

void TracedBackend::Ledger::note_peak() {
  if (bytes <= most) return;
  most = bytes;
  at_most.clear();
  for (const auto& [storage, block] : alive) at_most.push_back(block);
}

void TracedBackend::Ledger::remove(const Storage* storage) {
  note_peak();
  auto block = alive.find(storage);
  bytes -= block->second->bytes;
  alive.erase(block);
}

int64_t TracedBackend::most_bytes() const {
  ledger_->note_peak();
  return ledger_->most;
}

std::map<std::string_view, int64_t> TracedBackend::most_by_kind() const {
  ledger_->note_peak();
  std::map<std::string_view, int64_t> sums;
  for (const auto& block : ledger_->at_most)
    sums[block->kind.empty() ? "other" : block->kind] += block->bytes;
  return sums;
}

Tensor TracedBackend::empty(const Shape& shape, DType dtype) {
  Tensor inner = inner_.empty(shape, dtype);
  auto* storage =
      new Storage{inner.address(), inner.bytes(), inner.device(), inner.shared_storage()};
  std::shared_ptr<Storage> counted(storage, [ledger = ledger_](Storage* gone) {
    ledger->remove(gone);
    delete gone;
  });
  ledger_->alive.emplace(storage, std::make_shared<Block>(Block{storage->bytes, name_}));
  ledger_->bytes += storage->bytes;
  return Tensor(std::move(counted), 0, shape, dtype);
}

void TracedBackend::name(const Tensor& written, std::string_view kind) {
  if (!written) return;
  auto block = ledger_->alive.find(written.storage());
  if (block != ledger_->alive.end() && block->second->kind.empty()) block->second->kind = kind;
}

void TracedBackend::add(const AddArgs& a) {
  name(a.y, "residual stream");
  inner_.add(a);
}

void TracedBackend::gemm(const GemmArgs& a) {
  name(a.c, "products");
  inner_.gemm(a);
}

void TracedBackend::norm_forward(const NormArgs& a) {
  name(a.y, "norms");
  name(a.stats, "norms");
  inner_.norm_forward(a);
}

void TracedBackend::rope_table(const RopeTableArgs& a) {
  name(a.table, "rotary");
  inner_.rope_table(a);
}

void TracedBackend::rope(const RopeArgs& a) {
  name(a.y.grad, "rotary");
  inner_.rope(a);
}

void TracedBackend::attention_forward(const AttentionArgs& a) {
  name(a.y, "attention");
  name(a.lse, "attention");
  inner_.attention_forward(a);
}

void TracedBackend::activation_forward(const ActivationArgs& a) {
  name(a.y, "activations");
  inner_.activation_forward(a);
}

void TracedBackend::embed_forward(const EmbedArgs& a) {
  name(a.y, "residual stream");
  inner_.embed_forward(a);
}

void TracedBackend::cross_entropy(const CrossEntropyArgs& a) {
  for (const Tensor& t : {a.logits, a.losses})
    if (auto block = ledger_->alive.find(t.storage()); block != ledger_->alive.end())
      block->second->kind = "logits";  // more telling than that a product made them
  inner_.cross_entropy(a);
}

}  // namespace slm
