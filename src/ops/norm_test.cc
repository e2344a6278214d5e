#include "ops/norm.h"

#include "support/op_fixture.h"
#include "support/op_test.h"

namespace slm {
namespace {

using namespace testing;

constexpr NormSpec kLayer{NormSpec::kLayer, 1e-5f};
constexpr NormSpec kRms{NormSpec::kRms, 1e-6f};

Op norm_op(NormSpec spec) {
  return [spec](Context& cx, const Inputs& in) { return norm(cx, in[0], in[1], in[2], spec); };
}

class NormTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Every, NormTest, ::testing::ValuesIn(every_backend_and_dtype()),
                         case_name);

TEST_P(NormTest, Layer) {
  for (int64_t width : {5, 7, 64, 320})
    expect_close_to_reference({random({9, width}, 1), random({width}, 2), random({width}, 3)},
                              norm_op(kLayer), width);
}

TEST_P(NormTest, LayerWithoutBias) {
  expect_close_to_reference({random({5, 67}, 1), random({67}, 2), {}}, norm_op(kLayer), 67);
}

TEST_P(NormTest, Rms) {
  expect_close_to_reference({random({9, 131}, 1), random({131}, 2), {}}, norm_op(kRms), 131);
}

TEST_P(NormTest, WeightsOfAnotherType) {
  for (DType type : {DType::kF32, DType::kBF16, DType::kF16})
    expect_close_to_reference(
        {random({5, 67}, 1), converted(random({67}, 2), type), converted(random({67}, 3), type)},
        norm_op(kLayer), 67);
}

TEST_P(NormTest, PerHead) {
  for (NormSpec spec : {kLayer, kRms})
    expect_close_to_reference({random({5, 3, 20}, 1), random({3, 20}, 2), random({3, 20}, 3)},
                              norm_op(spec), 20);
}

class NormFixtures : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Every, NormFixtures, ::testing::ValuesIn(every_backend()), case_name);

TEST_P(NormFixtures, Match) {
  for (const char* name : {"layernorm", "layernorm_nobias", "layernorm_tiny_variance", "rmsnorm"}) {
    SCOPED_TRACE(name);
    OpFixture f(name);
    expect_matches({f.at("x"), f.at("w"), f.at("b")},
                   norm_op(std::string(name) == "rmsnorm" ? kRms : kLayer),
                   {f.at("dy"), f.at("y"), {f.at("dx"), f.at("dw"), f.at("db")}, 37});
  }
}

TEST(NormGradients, AreDifferences) {
  for (NormSpec spec : {kLayer, kRms}) {
    expect_gradients_match_differences({random({5, 11}, 1), random({11}, 2), random({11}, 3)},
                                       norm_op(spec));
    expect_gradients_match_differences({random({4, 3, 6}, 1), random({3, 6}, 2), random({3, 6}, 3)},
                                       norm_op(spec));
  }
}

}  // namespace
}  // namespace slm
