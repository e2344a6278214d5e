// Products by cuBLASLt. It reads matrices column by column: a row-major [r, c] is to it a
// column-major [c, r], so that it is asked for c' = op(b)' op(a)', whose columns are our rows.
#include <cublasLt.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <tuple>
#include <type_traits>

#include "backend/cuda/blas.h"
#include "backend/cuda/errors.h"

namespace slm::cuda {
namespace {

constexpr int64_t kWorkspace = 32 << 20;
constexpr int64_t kMostTrialBytes = 256 << 20;  // of a second result, while algorithms are tried
constexpr int kCandidates = 4, kTrials = 3;

void check_blas(cublasStatus_t status, const Product& p, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) [[likely]]
    return;
  fail(ErrorKind::kUnsupported, "[cuda] {} of a [{}, {}] by [{}, {}] product of {} into {}: {}",
       call, p.m, p.k, p.k, p.n, traits(p.factors).name, traits(p.result).name,
       cublasLtGetStatusName(status));
}

cudaDataType_t data_type(DType type) {
  return type == DType::kBF16 ? CUDA_R_16BF : type == DType::kF16 ? CUDA_R_16F : CUDA_R_32F;
}

template <class Handle, cublasStatus_t (*destroy)(Handle)>
struct Destroy {
  void operator()(Handle handle) const { destroy(handle); }
};
template <class Handle, cublasStatus_t (*destroy)(Handle)>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, Destroy<Handle, destroy>>;
using Library = Owned<cublasLtHandle_t, cublasLtDestroy>;
using Layout = Owned<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>;
using Description = Owned<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy>;
using Preference = Owned<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy>;

// A row-major [rows, columns].
Layout layout(const Product& p, DType type, int64_t rows, int64_t columns) {
  cublasLtMatrixLayout_t handle = nullptr;
  check_blas(cublasLtMatrixLayoutCreate(&handle, data_type(type), uint64_t(columns), uint64_t(rows),
                                        columns),
             p, "layout");
  return Layout(handle);
}

template <class T>
void set(const Product& p, const Description& d, cublasLtMatmulDescAttributes_t key, T value) {
  check_blas(cublasLtMatmulDescSetAttribute(d.get(), key, &value, sizeof(value)), p, "attribute");
}

Description description(const Product& p) {
  cublasLtMatmulDesc_t handle = nullptr;
  auto how = p.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  check_blas(cublasLtMatmulDescCreate(&handle, how, CUDA_R_32F), p, "description");
  Description d(handle);
  set(p, d, CUBLASLT_MATMUL_DESC_TRANSA, p.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(p, d, CUBLASLT_MATMUL_DESC_TRANSB, p.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N);
  if (!p.bias) return d;
  set(p, d, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
  set(p, d, CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias);
  set(p, d, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, data_type(p.result));
  return d;
}

uint32_t alignment(const void* p) {
  constexpr uintptr_t kMost = 256;
  auto address = reinterpret_cast<uintptr_t>(p);
  return uint32_t(std::min(address & -address, kMost));
}

// What an algorithm is chosen for.
using Key =
    std::tuple<std::array<int64_t, 3>, std::array<uint32_t, 4>, DType, DType, std::array<bool, 4>>;
Key key_of(const Product& p) {
  return {{p.m, p.n, p.k},
          {alignment(p.a), alignment(p.b), alignment(p.c), p.bias ? alignment(p.bias) : 0},
          p.factors,
          p.result,
          {p.transpose_a, p.transpose_b, p.tf32, p.beta != 0}};
}

struct Call {
  explicit Call(const Product& product)
      : p(product),
        how(description(p)),
        a(layout(p, p.factors, p.transpose_a ? p.k : p.m, p.transpose_a ? p.m : p.k)),
        b(layout(p, p.factors, p.transpose_b ? p.n : p.k, p.transpose_b ? p.k : p.n)),
        c(layout(p, p.result, p.m, p.n)) {}

  const Product& p;
  Description how;
  Layout a, b, c;
};

void set(const Call& call, const Preference& preference, cublasLtMatmulPreferenceAttributes_t key,
         auto value) {
  check_blas(cublasLtMatmulPreferenceSetAttribute(preference.get(), key, &value, sizeof(value)),
             call.p, "preference");
}

Preference preference(const Call& call) {
  cublasLtMatmulPreference_t handle = nullptr;
  check_blas(cublasLtMatmulPreferenceCreate(&handle), call.p, "preference");
  Preference result(handle);
  set(call, result, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, uint64_t(kWorkspace));
  set(call, result, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment(call.p.b));
  set(call, result, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment(call.p.a));
  set(call, result, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment(call.p.c));
  set(call, result, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment(call.p.c));
  return result;
}

struct Event {
  Event() { check_cuda(cudaEventCreateWithFlags(&handle, cudaEventDefault), "an event"); }
  ~Event() { cudaEventDestroy(handle); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  cudaEvent_t handle = nullptr;
};

}  // namespace

struct Blas::State {
  State(CudaContext& context, bool is_measured) : cx(context), measured(is_measured) {
    cublasLtHandle_t handle = nullptr;
    cx.stream();  // the library belongs to the thread's device
    cublasStatus_t status = cublasLtCreate(&handle);
    check(status == CUBLAS_STATUS_SUCCESS, "[cuda] cuBLASLt on device {}: {}", cx.device(),
          cublasLtGetStatusName(status));
    library.reset(handle);
    workspace = cx.take(kWorkspace);
  }

  const cublasLtMatmulAlgo_t& algorithm(const Call& call);
  cublasLtMatmulAlgo_t fastest(const Call& call, std::span<const cublasLtMatmulAlgo_t> candidates);
  float milliseconds(const Call& call, const cublasLtMatmulAlgo_t& algorithm, void* to);
  cublasStatus_t run(const Call& call, const cublasLtMatmulAlgo_t& algorithm, void* to);

  CudaContext& cx;
  const bool measured;
  Library library;
  std::shared_ptr<std::byte> workspace;
  std::map<Key, cublasLtMatmulAlgo_t> chosen;
};

cublasStatus_t Blas::State::run(const Call& call, const cublasLtMatmulAlgo_t& algorithm, void* to) {
  const Product& p = call.p;
  return cublasLtMatmul(library.get(), call.how.get(), &p.alpha, p.b, call.b.get(), p.a,
                        call.a.get(), &p.beta, p.c, call.c.get(), to, call.c.get(), &algorithm,
                        workspace.get(), size_t(kWorkspace), cx.stream());
}

// Infinite for an algorithm that does not run.
float Blas::State::milliseconds(const Call& call, const cublasLtMatmulAlgo_t& algorithm, void* to) {
  Event begin, end;
  if (run(call, algorithm, to) != CUBLAS_STATUS_SUCCESS)
    return std::numeric_limits<float>::infinity();
  check_cuda(cudaEventRecord(begin.handle, cx.stream()), "an event before a product");
  for (int i = 0; i < kTrials; ++i) check_blas(run(call, algorithm, to), call.p, "trial");
  check_cuda(cudaEventRecord(end.handle, cx.stream()), "an event after a product");
  check_cuda(cudaEventSynchronize(end.handle), "a product that is tried");
  float took = 0;
  check_cuda(cudaEventElapsedTime(&took, begin.handle, end.handle), "the time of a product");
  return took;
}

cublasLtMatmulAlgo_t Blas::State::fastest(const Call& call,
                                          std::span<const cublasLtMatmulAlgo_t> candidates) {
  const Product& p = call.p;
  int64_t bytes = bytes_of(p.result, p.m * p.n);
  if (!measured || candidates.size() == 1 || (p.beta != 0 && bytes > kMostTrialBytes))
    return candidates[0];
  std::shared_ptr<std::byte> aside;  // c is needed again
  if (p.beta != 0) aside = cx.take(bytes);
  auto time = [&](const cublasLtMatmulAlgo_t& a) {
    return milliseconds(call, a, aside ? aside.get() : p.c);
  };
  const cublasLtMatmulAlgo_t* best = &candidates[0];
  float best_time = time(*best);
  for (const cublasLtMatmulAlgo_t& candidate : candidates.subspan(1))
    if (float took = time(candidate); took < best_time) best = &candidate, best_time = took;
  return *best;
}

const cublasLtMatmulAlgo_t& Blas::State::algorithm(const Call& call) {
  Key key = key_of(call.p);
  if (auto known = chosen.find(key); known != chosen.end()) return known->second;
  std::array<cublasLtMatmulHeuristicResult_t, kCandidates> results{};
  int count = 0;
  check_blas(cublasLtMatmulAlgoGetHeuristic(
                 library.get(), call.how.get(), call.b.get(), call.a.get(), call.c.get(),
                 call.c.get(), preference(call).get(), kCandidates, results.data(), &count),
             call.p, "choice of an algorithm");
  if (count == 0) check_blas(CUBLAS_STATUS_NOT_SUPPORTED, call.p, "choice of an algorithm");
  std::array<cublasLtMatmulAlgo_t, kCandidates> candidates;
  for (size_t i = 0; i < size_t(count); ++i) candidates[i] = results[i].algo;
  cublasLtMatmulAlgo_t best = fastest(call, std::span(candidates).first(size_t(count)));
  return chosen.emplace(key, best).first->second;
}

Blas::Blas(CudaContext& context, bool measured)
    : state_(std::make_unique<State>(context, measured)) {}
Blas::~Blas() = default;

void Blas::multiply(const Product& p) {
  Call call(p);
  check_blas(state_->run(call, state_->algorithm(call), p.c), p, "cublasLtMatmul");
}

}  // namespace slm::cuda
