#include "support/op_test.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <ostream>

#include "backend/cpu/isa.h"
#include "backend/reference/numbers.h"
#include "backend/reference/reference.h"
#include "support/cuda_cases.h"
#include "support/far_backend.h"
#include "util/format.h"
#include "util/rng.h"

namespace slm::testing {
namespace {

using reference::Numbers;
using reference::read;

constexpr int kThreads = 3;
constexpr int kTrials = 12;

struct Results {
  Tensor y;
  Inputs grads;
};

// What each gradient holds before the op adds to it.
struct GradStart {
  double value;
  float beta;
};
constexpr GradStart kOverwrite{std::numeric_limits<double>::quiet_NaN(), 0};
constexpr GradStart kAddToThree{3, 1};

Inputs converted(const Inputs& inputs, DType dtype) {
  Inputs result;
  for (const Tensor& t : inputs) result.push_back(testing::converted(t, dtype));
  return result;
}

Inputs rounded(const Inputs& inputs, DType dtype) {
  Inputs result;
  for (const Tensor& t : inputs)
    result.push_back(t && t.dtype() == DType::kF64 ? testing::converted(t, dtype) : t);
  return result;
}

Tensor filled(const Shape& shape, DType dtype, double value) {
  Tensor t = Tensor::host(shape, dtype);
  reference::write(t, Numbers(size_t(t.elements()), value));
  return t;
}

Inputs to_device(Backend& backend, const Inputs& inputs) {
  Inputs there;
  for (const Tensor& t : inputs) there.push_back(slm::to_device(backend, t));
  return there;
}

// Gradients of all inputs, or of input `only`; none without dy. All on the host.
Results differentiate(Backend& backend, const Op& op, const Inputs& inputs, const Tensor& dy,
                      GradStart start = kOverwrite, std::optional<size_t> only = {}) {
  Tape tape(backend);
  Results results;
  Inputs there = to_device(backend, inputs);
  for (size_t i = 0; i < inputs.size(); ++i) {
    Tensor& grad = results.grads.emplace_back();
    if (!dy || !inputs[i] || (only && i != *only)) continue;
    grad = slm::to_device(backend, filled(inputs[i].shape(), inputs[i].dtype(), start.value));
    tape.bind(there[i], grad, start.beta);
  }
  Context cx{backend, &tape};
  Tensor y = op(cx, there), d = testing::converted(dy, y.dtype());
  if (dy) tape.backward(y, y.device() == Device::kHost ? d : slm::to_device(backend, d));
  results.y = to_host(backend, y);
  for (Tensor& grad : results.grads) grad = to_host(backend, grad);
  return results;
}

double unit(DType dtype) { return epsilon(dtype) / 2; }

// Values below this are stored with an absolute error, not a relative one.
double smallest(DType dtype) { return dtype == DType::kF16 ? 0x1p-24 : 0x1p-126; }

Tensor shaken(const Tensor& t, double u, Rng& rng) {
  Tensor result = testing::converted(t, DType::kF64);
  if (!t) return result;
  for (double& x : result.span<double>()) x *= rng.next_u32() & 1 ? 1 + u : 1 - u;
  return result;
}

// What attention keeps for its backward pass is rounded when it is stored.
class ShakenBackend : public ReferenceBackend {
 public:
  ShakenBackend(double u, Rng& rng) : u_(u), rng_(rng) {}

  void attention_forward(const AttentionArgs& args) override {
    ReferenceBackend::attention_forward(args);
    copy(shaken(args.y, u_, rng_), args.y);
  }

 private:
  double u_;
  Rng& rng_;
};

void raise(Numbers& largest, const Tensor& changed, const Tensor& exact) {
  Numbers a = read(changed), b = read(exact);
  largest.resize(a.size());
  for (size_t i = 0; i < a.size(); ++i) largest[i] = std::max(largest[i], std::abs(a[i] - b[i]));
}

// What the reference computes in f64, and how far rounding moves it.
struct Oracle {
  Results exact;
  Numbers y_change;
  std::vector<Numbers> grad_changes;

  Oracle(const Inputs& inputs, const Op& op, const Tensor& dy, double u)
      : grad_changes(inputs.size()) {
    Inputs precise = converted(inputs, DType::kF64);
    exact = differentiate(*make_reference_backend(), op, precise, dy);
    Rng rng(hash_name("rounding trials"));
    ShakenBackend backend(u, rng);
    for (int trial = 0; trial < kTrials; ++trial) {
      Inputs moved;
      for (const Tensor& t : precise) moved.push_back(shaken(t, u, rng));
      // An op may insist on the gradient 1 of a loss, so that one is not moved.
      Tensor d = dy && dy.elements() > 1 ? shaken(dy, u, rng) : dy;
      Results changed = differentiate(backend, op, moved, d);
      raise(y_change, changed.y, exact.y);
      for (size_t i = 0; i < inputs.size(); ++i)
        if (changed.grads[i]) raise(grad_changes[i], changed.grads[i], exact.grads[i]);
    }
  }
};

// change: by what u moved each element; factor: of the whole tolerance.
struct Tolerance {
  const Numbers& change;
  int64_t terms;
  double factor = 1;
};

void expect_within(const std::string& what, const Tensor& actual, const Tensor& exact,
                   const Tolerance& tolerance, GradStart start = kOverwrite) {
  ASSERT_EQ(actual.shape(), exact.shape()) << what;
  Numbers a = read(actual), e = read(exact);
  double largest = 0;
  for (double& x : e) {
    if (start.beta != 0) x += start.beta * start.value;
    largest = std::max(largest, std::abs(x));
  }
  double u = unit(actual.dtype()), worst_ratio = 0, worst_bound = 0;
  double c = actual.dtype() == DType::kF32 ? std::max(4.0, std::sqrt(tolerance.terms)) : 4;
  size_t worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    double bound = c * (tolerance.change[i] + u * std::abs(e[i])) + 2 * u * largest;
    bound = tolerance.factor * (bound + smallest(actual.dtype()));
    double ratio = std::isfinite(a[i]) ? std::abs(a[i] - e[i]) / bound : HUGE_VAL;
    if (ratio > worst_ratio) worst_ratio = ratio, worst = i, worst_bound = bound;
  }
  EXPECT_LE(worst_ratio, 1) << format("{}: element {} of {} is {}, expected {} within {}", what,
                                      worst, actual.shape().to_string(), a[worst], e[worst],
                                      worst_bound);
}

Tensor infer(Backend& backend, const Op& op, const Inputs& inputs) {
  Context cx{backend};
  return to_host(backend, op(cx, to_device(backend, inputs)));
}

std::string gradient_name(size_t input) { return format("gradient of input {}", input); }

// A result may be stored in a finer format than the inputs.
void refine(Numbers& change, DType result, DType inputs) {
  double factor = std::min(1.0, unit(result) / unit(inputs));
  for (double& x : change) x *= factor;
}

}  // namespace

Tensor random(const Shape& shape, uint64_t stream, double spread) {
  Tensor t = Tensor::host(shape, DType::kF64);
  Rng rng(hash_name("test inputs"), stream);
  for (double& x : t.span<double>()) x = spread * rng.normal();
  return t;
}

Tensor converted(const Tensor& t, DType dtype) {
  if (!t) return t;
  Tensor result = Tensor::host(t.shape(), dtype);
  reference::write(result, reference::read_weight(t));
  return result;
}

void expect_same_bits(const std::string& what, const Tensor& a, const Tensor& b) {
  ASSERT_EQ(a.shape(), b.shape()) << what;
  ASSERT_EQ(a.dtype(), b.dtype()) << what;
  EXPECT_EQ(std::memcmp(a.bytes_data(), b.bytes_data(), size_t(a.bytes())), 0)
      << what << " is not the same bit by bit";
}

std::vector<OpCase> every_backend() {
  std::vector<OpCase> cases{{"reference", [](int) { return make_reference_backend(); }}};
  for (std::string_view isa : cpu::available_isas())
    cases.push_back({format("cpu_{}", isa), [isa](int threads) {
                       return make_cpu_backend(
                           {.threads = threads, .isa = std::string(isa), .exact = true});
                     }});
  cases.push_back({"far", make_far_backend});
  for (const OpCase& c : cuda_cases()) cases.push_back(c);
  return cases;
}

std::vector<OpCase> every_backend_and_dtype() {
  std::vector<OpCase> cases;
  for (OpCase c : every_backend()) {
    for (DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
      c.dtype = dtype;
      bool known = c.backend == "far" && dtype != DType::kF32;  // as the backend that computes
      if (!known) cases.push_back(c);
    }
  }
  return cases;
}

void PrintTo(const OpCase& c, std::ostream* out) {
  *out << c.backend << " in " << traits(c.dtype).name;
}

std::string case_name(const ::testing::TestParamInfo<OpCase>& info) {
  return format("{}_{}", info.param.backend, traits(info.param.dtype).name);
}

void OpTest::expect_result_close_to_reference(const Inputs& inputs, const Op& op,
                                              int64_t terms) const {
  DType dtype = GetParam().dtype;
  Inputs in = rounded(inputs, dtype);
  Tensor y = infer(*GetParam().make(kThreads), op, in);
  Oracle oracle(in, op, {}, unit(dtype));
  refine(oracle.y_change, y.dtype(), dtype);
  expect_within("result", y, oracle.exact.y, {oracle.y_change, terms});
  expect_same_bits("the result on one thread", infer(*GetParam().make(1), op, in), y);
}

void OpTest::expect_close_to_reference(const Inputs& inputs, const Op& op, int64_t terms,
                                       const Tensor& given_dy) const {
  DType dtype = GetParam().dtype;
  auto backend = GetParam().make(kThreads);
  Inputs in = rounded(inputs, dtype);
  Tensor y = infer(*backend, op, in);
  Tensor dy = given_dy ? given_dy : converted(random(y.shape(), hash_name("dy")), dtype);
  Oracle oracle(in, op, dy, unit(dtype));

  Results results = differentiate(*backend, op, in, dy);
  expect_same_bits("the result while recording", results.y, y);
  refine(oracle.y_change, y.dtype(), dtype);
  expect_within("result", y, oracle.exact.y, {oracle.y_change, terms});
  Results one_thread = differentiate(*GetParam().make(1), op, in, dy);
  expect_same_bits("the result on one thread", one_thread.y, y);

  Results added = differentiate(*backend, op, in, dy, kAddToThree);
  for (size_t i = 0; i < in.size(); ++i) {
    if (!in[i]) continue;
    std::string name = gradient_name(i);
    const Tensor& exact = oracle.exact.grads[i];
    Tolerance tolerance{oracle.grad_changes[i], terms};
    expect_within(name, results.grads[i], exact, tolerance);
    expect_within(name + " when added", added.grads[i], exact, tolerance, kAddToThree);
    expect_same_bits(name + " on one thread", one_thread.grads[i], results.grads[i]);
    Results alone = differentiate(*backend, op, in, dy, kOverwrite, i);
    expect_same_bits(name + " with the others frozen", alone.grads[i], results.grads[i]);
  }
}

void OpTest::expect_matches(const Inputs& inputs, const Op& op, const Expected& expected) const {
  Oracle oracle(inputs, op, expected.dy, unit(GetParam().dtype));
  Results results = differentiate(*GetParam().make(kThreads), op, inputs, expected.dy);
  expect_within("result", results.y, expected.y, {oracle.y_change, expected.terms, 2});
  for (size_t i = 0; i < expected.grads.size(); ++i)
    if (expected.grads[i])
      expect_within(gradient_name(i), results.grads[i], expected.grads[i],
                    {oracle.grad_changes[i], expected.terms, 2});
}

// With a step of 2^-16 the differences are off by about 4e-11 of the third derivative, and by 2^-36
// of the terms summed, from rounding.
void expect_gradients_match_differences(const Inputs& inputs, const Op& op) {
  constexpr double kStep = 0x1p-16;
  auto backend = make_reference_backend();
  Inputs in = converted(inputs, DType::kF64);
  Tensor y = infer(*backend, op, in), dy = random(y.shape(), hash_name("dy"));
  Results analytic = differentiate(*backend, op, in, dy);
  auto loss = [&] {
    Numbers values = read(infer(*backend, op, in));
    double sum = 0;
    for (size_t i = 0; i < values.size(); ++i) sum += values[i] * dy.data<double>()[i];
    return sum;
  };
  double terms = 0;
  for (int64_t i = 0; i < y.elements(); ++i)
    terms += std::abs(y.data<double>()[i] * dy.data<double>()[i]);

  for (size_t i = 0; i < in.size(); ++i) {
    if (!in[i]) continue;
    Numbers grad = read(analytic.grads[i]);
    double largest = 0;
    for (double g : grad) largest = std::max(largest, std::abs(g));
    for (size_t j = 0; j < grad.size(); ++j) {
      double& x = in[i].data<double>()[j];
      double middle = x;
      x = middle + kStep;
      double above = loss();
      x = middle - kStep;
      double below = loss();
      x = middle;
      ASSERT_NEAR(grad[j], (above - below) / (2 * kStep), 1e-7 * largest + 0x1p-35 * terms)
          << gradient_name(i) << ", element " << j;
    }
  }
}

}  // namespace slm::testing
