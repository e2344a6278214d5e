#include "backend/profiled_backend.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <initializer_list>
#include <type_traits>

namespace slm {
namespace {

double bytes(std::initializer_list<Tensor> tensors) {
  double sum = 0;
  for (const Tensor& t : tensors)
    if (t) sum += double(t.bytes());
  return sum;
}

double written(const GradSlot& slot) {
  return slot ? double(slot.grad.bytes()) * (slot.beta == 0 ? 1 : 2) : 0;
}

// Query i of a segment sees the keys up to its position, the last `window` of them with a window.
double visible_pairs(const AttentionArgs& a) {
  double pairs = 0;
  for (const AttentionSegment& s : a.segments)
    for (int64_t i = 0; i < s.q_len; ++i) {
      int64_t seen = s.k_len - s.q_len + i + 1;
      pairs += double(a.window > 0 ? std::min(seen, a.window) : seen);
    }
  return pairs;
}

double attention_flops(const AttentionArgs& a, int products) {
  return 2.0 * products * visible_pairs(a) * double(a.q.dim(1) * a.q.dim(2));
}

std::string_view product_name(const GemmArgs& a) {
  if (a.transpose_a) return "product dy' x";
  return a.transpose_b ? "product x w'" : "product dy w";
}

double product_flops(const GemmArgs& a) {
  double k = double(a.transpose_a ? a.a.dim(0) : a.a.dim(1));
  return 2 * k * double(a.c.elements());
}

struct Stopwatch {
  explicit Stopwatch(KernelAccount& account) : account_(account) {}
  ~Stopwatch() {
    account_.seconds +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    account_.cpu_seconds += process_cpu_seconds() - cpu_begin_;
  }
  KernelAccount& account_;
  double cpu_begin_ = process_cpu_seconds();
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace

double process_cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

std::vector<KernelAccount> ProfiledBackend::accounts() const {
  std::vector<KernelAccount> list;
  for (const auto& [name, account] : accounts_) list.push_back(account);
  std::ranges::sort(list, std::greater{}, &KernelAccount::seconds);
  return list;
}

template <class Call>
auto ProfiledBackend::account(std::string_view name, double flops, double moved, Call call) {
  if (!watching_) return call();
  KernelAccount& into = accounts_[name];
  into.name = name;
  ++into.calls;
  into.flops += flops;
  into.bytes += moved;
  Stopwatch watch(into);
  if constexpr (std::is_void_v<decltype(call())>) {
    call();
    wait();
  } else {
    return call();
  }
}

// A device computes on its own: until it has done what it was asked for.
void ProfiledBackend::wait() {
  if (device() == Device::kHost) return;
  if (!waited_for_) {
    waited_for_ = inner_.empty({1}, DType::kF32);
    inner_.zero(waited_for_);
  }
  inner_.sum_squares(waited_for_);
}

Tensor ProfiledBackend::empty(const Shape& shape, DType dtype) {
  return account("allocation", 0, 0, [&] { return inner_.empty(shape, dtype); });
}

void ProfiledBackend::zero(const Tensor& t) {
  account("zero", 0, bytes({t}), [&] { inner_.zero(t); });
}

void ProfiledBackend::copy(const Tensor& from, const Tensor& to) {
  account("copy", 0, bytes({from, to}), [&] { inner_.copy(from, to); });
}

void ProfiledBackend::copy_rows(const Tensor& from, const Tensor& to,
                                std::span<const RowRun> runs) {
  double rows = 0;
  for (const RowRun& run : runs) rows += double(run.count);
  double of_row = bytes({from}) / double(from.dim(0)) + bytes({to}) / double(to.dim(0));
  account("copy", 0, rows * of_row, [&] { inner_.copy_rows(from, to, runs); });
}

void ProfiledBackend::add(const AddArgs& a) {
  account("add", 0, bytes({a.a, a.b, a.y}), [&] { inner_.add(a); });
}

void ProfiledBackend::accumulate(float alpha, const Tensor& x, const GradSlot& into) {
  account("accumulate", 0, bytes({x}) + written(into), [&] { inner_.accumulate(alpha, x, into); });
}

double ProfiledBackend::sum_squares(const Tensor& x) {
  return account("sum of squares", 0, bytes({x}), [&] { return inner_.sum_squares(x); });
}

std::vector<double> ProfiledBackend::block_squares(const Tensor& x, int64_t block) {
  return account("sum of squares", 0, bytes({x}), [&] { return inner_.block_squares(x, block); });
}

void ProfiledBackend::gemm(const GemmArgs& a) {
  account(product_name(a), product_flops(a), bytes({a.a, a.b}) + written({a.c, a.beta}),
          [&] { inner_.gemm(a); });
}

void ProfiledBackend::column_sum(const ColumnSumArgs& a) {
  account("column sum", 0, bytes({a.x}) + written(a.grad), [&] { inner_.column_sum(a); });
}

void ProfiledBackend::norm_forward(const NormArgs& a) {
  account("norm forward", 0, bytes({a.x, a.y}), [&] { inner_.norm_forward(a); });
}

void ProfiledBackend::norm_backward(const NormArgs& a, const NormGrads& g) {
  account("norm backward", 0, bytes({a.x, g.dy}) + written(g.dx),
          [&] { inner_.norm_backward(a, g); });
}

void ProfiledBackend::rope_table(const RopeTableArgs& a) {
  account("rope table", 0, bytes({a.table}), [&] { inner_.rope_table(a); });
}

void ProfiledBackend::rope(const RopeArgs& a) {
  account(a.inverse ? "rope backward" : "rope forward", 0, bytes({a.x}) + written(a.y),
          [&] { inner_.rope(a); });
}

void ProfiledBackend::attention_forward(const AttentionArgs& a) {
  account("attention forward", attention_flops(a, 2), bytes({a.q, a.k, a.v, a.y}),
          [&] { inner_.attention_forward(a); });
}

void ProfiledBackend::attention_backward(const AttentionArgs& a, const AttentionGrads& g) {
  account("attention backward", attention_flops(a, 5),
          bytes({a.q, a.k, a.v, a.y, g.dy}) + written(g.dq) + written(g.dk) + written(g.dv),
          [&] { inner_.attention_backward(a, g); });
}

void ProfiledBackend::activation_forward(const ActivationArgs& a) {
  account("activation forward", 0, bytes({a.x, a.up, a.y}), [&] { inner_.activation_forward(a); });
}

void ProfiledBackend::activation_backward(const ActivationArgs& a, const ActivationGrads& g) {
  account("activation backward", 0, bytes({a.x, a.up, g.dy}) + written(g.dx) + written(g.dup),
          [&] { inner_.activation_backward(a, g); });
}

void ProfiledBackend::clip(const ClipArgs& a) {
  account("clip", 0, bytes({a.x, a.dy}) + written(a.y), [&] { inner_.clip(a); });
}

void ProfiledBackend::dropout(const DropoutArgs& a) {
  account("dropout", 0, bytes({a.x}) + written(a.y), [&] { inner_.dropout(a); });
}

void ProfiledBackend::embed_forward(const EmbedArgs& a) {
  account("embed forward", 0, 2 * bytes({a.y}), [&] { inner_.embed_forward(a); });
}

void ProfiledBackend::embed_backward(const EmbedArgs& a, const EmbedGrads& g) {
  account("embed backward", 0, 3 * bytes({g.dy}), [&] { inner_.embed_backward(a, g); });
}

void ProfiledBackend::cross_entropy(const CrossEntropyArgs& a) {
  account("cross entropy", 0, bytes({a.logits}) * (a.gradient ? 2 : 1),
          [&] { inner_.cross_entropy(a); });
}

void ProfiledBackend::adamw(const AdamWArgs& a) {
  account("adamw", 0, 2 * bytes({a.value, a.m, a.v}) + bytes({a.grad}), [&] { inner_.adamw(a); });
}

}  // namespace slm
