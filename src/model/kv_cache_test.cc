#include "model/kv_cache.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/decoder.h"
#include "model/tiny_spec.h"
#include "support/op_test.h"
#include "support/refusal.h"
#include "util/rng.h"

namespace slm::testing {
namespace {

Parameters random_parameters(const DecoderSpec& spec) {
  Parameters parameters;
  for (const ParameterSpec& p : parameter_specs(spec)) {
    Rng rng(7, hash_name(p.name));
    Tensor value = Tensor::host(p.shape, DType::kF32);
    for (float& x : value.span<float>()) x = float(rng.normal());
    parameters.add(p, value);
  }
  return parameters;
}

class KvCacheTest : public ::testing::TestWithParam<OpCase> {};
INSTANTIATE_TEST_SUITE_P(Every, KvCacheTest, ::testing::ValuesIn(every_backend()), case_name);

// What a format may lose of 32 values, as a share of the largest: their rounding, or a block's
// steps: 127 of them to the largest value (a little more than half of one where the scale is
// rounded too), or 8 (a whole one at the end of the range).
struct Loss {
  DType type;
  double share;
};
constexpr Loss kLosses[] = {{DType::kF16, 0x1p-11},
                            {DType::kBF16, 0x1p-8},
                            {DType::kQ8_0, 0.57 / 127},
                            {DType::kQ4_0, 1.0 / 8}};

void expect_near(const Tensor& exact, const Tensor& kept, double share) {
  Tensor found = to_dtype(kept, DType::kF32);
  ASSERT_EQ(exact.elements(), found.elements());
  double lost = 0;
  for (int64_t at = 0; at < exact.elements(); at += 32) {
    double largest = 0, squares = 0;
    for (int64_t i = at; i < at + 32; ++i) {
      double x = exact.data<float>()[i], error = x - found.data<float>()[i];
      largest = std::max(largest, std::abs(x));
      squares += error * error;
    }
    EXPECT_LE(std::sqrt(squares / 32), share * largest) << at;
    lost += squares;
  }
  EXPECT_GT(lost, 0);
}

// The first layer's keys and values come from the tokens alone.
TEST_P(KvCacheTest, KeepsKeysAndValuesInShortFormats) {
  auto backend = GetParam().make(2);
  Context cx{*backend};
  DecoderSpec spec = tiny_spec(40, 64);
  Parameters parameters = random_parameters(spec);
  parameters.place(*backend);
  Decoder decoder(spec, parameters);
  std::vector<int32_t> ids{3, 1, 4, 1, 5, 9, 2, 6};
  KvCache exact(*backend, spec, 1, 8);
  decoder.hidden(cx, TokenBatch::next(ids, 0, 0), &exact);
  for (const Loss& loss : kLosses) {
    SCOPED_TRACE(traits(loss.type).name);
    KvCache kept(*backend, spec, 1, 8, loss.type);
    for (int64_t t = 0; t < 8; ++t)
      decoder.hidden(cx, TokenBatch::next({&ids[size_t(t)], 1}, t, 0), &kept);
    auto expect_kept = [&](const Tensor& whole, const Tensor& part) {
      expect_near(to_host(*backend, whole), to_host(*backend, part), loss.share);
    };
    expect_kept(exact.layer(0).k, kept.layer(0).k);
    expect_kept(exact.layer(0).v, kept.layer(0).v);
  }
}

TEST_P(KvCacheTest, RefusesBlocksThatATokenIsNoWholeNumberOf) {
  auto backend = GetParam().make(1);
  DecoderSpec spec = tiny_spec(40, 16);  // one key head of 8
  for (DType type : {DType::kQ8_0, DType::kQ4_0}) {
    std::string text = refusal([&] { KvCache(*backend, spec, 1, 4, type); });
    EXPECT_NE(text.find("use f16"), text.npos) << text;
  }
  EXPECT_EQ(KvCache::bytes_per_token(tiny_spec(40, 64), DType::kQ8_0), 2 * 2 * 34);
}

}  // namespace
}  // namespace slm::testing
