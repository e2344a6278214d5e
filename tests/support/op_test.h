// One test body, every backend, every number format. An op under test is a function of its
// differentiable inputs; its other arguments are captured. Inputs of f64 are rounded to the format
// under test; inputs of another type (f32 activations with bf16 weights) are used as they are.
//
// Tolerances are measured, not chosen. An element of a result may differ by
//   c (d + u |element|) + 2 u largest,    u = eps(format) / 2.
// d is the element's operand norm times u: the largest change, over several trials, when each
// number of every input, of the incoming gradient and of the output that attention keeps for its
// backward pass is moved up or down by its own u. For an element of a product of K terms that is
// about u sqrt(sum of squared terms). c is 4: a few roundings on the way; or sqrt(K) if that is
// more and sums are kept in f32 too: K terms added one by one round K partial sums, each about as
// large as the element and its operand norm. The largest element of the tensor stands for
// intermediate values that cancel whatever the inputs (1 + erf(x) far left). An algorithm in which
// every step rounds well stays within; a wrong term in a formula does not.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "core/context.h"

namespace slm::testing {

using Inputs = std::vector<Tensor>;  // an absent tensor stands for an absent argument
using Op = std::function<Tensor(Context&, const Inputs&)>;

// Normal numbers in f64, the same for the same stream.
Tensor random(const Shape& shape, uint64_t stream, double spread = 1);
Tensor converted(const Tensor& t, DType dtype);  // floats to another type; absent stays absent

void expect_same_bits(const std::string& what, const Tensor& a, const Tensor& b);

struct OpCase {
  std::string backend;
  std::function<std::unique_ptr<Backend>(int threads)> make;
  DType dtype = DType::kF32;
};
// Products with quantised weights in f32: their rounding is what tolerances are made for.
std::vector<OpCase> every_backend();            // in f32
std::vector<OpCase> every_backend_and_dtype();  // in f32, bf16 and f16
void PrintTo(const OpCase& c, std::ostream* out);
std::string case_name(const ::testing::TestParamInfo<OpCase>& info);

// Results computed elsewhere, gradients too if there is a dy; those that are absent are not
// compared.
struct Expected {
  Tensor dy, y;
  Inputs grads;
  int64_t terms = 1;  // of the longest sum
};

class OpTest : public ::testing::TestWithParam<OpCase> {
 protected:
  // Forward and backward agree with the reference backend run in f64 on the same rounded inputs.
  // Also, bit by bit: recording does not change the result, freezing inputs does not change the
  // gradients of the others, and the number of threads changes nothing. Gradients overwrite or add
  // as their slots say. `terms`: of the longest sum in the op; `dy`: random unless given.
  void expect_close_to_reference(const Inputs& inputs, const Op& op, int64_t terms = 1,
                                 const Tensor& dy = {}) const;

  // The same for a function that is not differentiated.
  void expect_result_close_to_reference(const Inputs& inputs, const Op& op,
                                        int64_t terms = 1) const;

  // Forward and backward agree with results computed elsewhere, at the same precision: twice the
  // tolerance.
  void expect_matches(const Inputs& inputs, const Op& op, const Expected& expected) const;
};

// The gradients of the reference backend are the central differences of its results, in f64.
void expect_gradients_match_differences(const Inputs& inputs, const Op& op);

}  // namespace slm::testing
