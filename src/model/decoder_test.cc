#include "model/decoder.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/golden_models.h"
#include "support/op_test.h"

namespace slm::testing {
namespace {

using Ids = std::vector<int32_t>;

// Two ways to add the same numbers may differ by their rounding.
void expect_same(const Tensor& a, const Tensor& b) {
  ASSERT_EQ(a.elements(), b.elements());
  double largest = 0;
  for (float x : a.span<const float>()) largest = std::max(largest, std::abs(double(x)));
  for (int64_t i = 0; i < a.elements(); ++i)
    ASSERT_NEAR(a.data<float>()[i], b.data<float>()[i], 32 * 0x1p-23 * largest) << i;
}

class DecoderTest : public ::testing::TestWithParam<OpCase> {
 protected:
  // Runs on every architecture.
  template <class Body>
  void for_each_model(Body body) {
    for (const GoldenModel& golden : golden_models()) {
      SCOPED_TRACE(golden.name);
      Model model = load_golden(golden);
      body(model.decoder());
    }
  }
  Tensor logits(const Decoder& decoder, const Ids& ids) {
    return decoder.logits(cx_, decoder.hidden(cx_, TokenBatch::pack({&ids, 1})));
  }

  std::unique_ptr<Backend> backend_ = GetParam().make(2);
  Context cx_{*backend_};
};

TEST_P(DecoderTest, OneTokenAtATimeIsTheFullForwardPass) {
  for_each_model([&](const Decoder& decoder) {
    Ids ids{1, 5, 2, 9, 0, 18, 3};
    Tensor full = logits(decoder, ids);
    KvCache cache(*backend_, decoder.spec(), 2, 7);
    for (int64_t t = 0; t < 7; ++t) {
      TokenBatch batch = TokenBatch::next({&ids[size_t(t)], 1}, t, 1);
      expect_same(full.rows(t, t + 1), decoder.logits(cx_, decoder.hidden(cx_, batch, &cache)));
    }
    EXPECT_EQ(cache.length(1), 7);
    EXPECT_EQ(cache.length(0), 0);
  });
}

TEST_P(DecoderTest, PromptInTwoPiecesIsTheFullForwardPass) {
  for_each_model([&](const Decoder& decoder) {
    Ids ids{1, 5, 2, 9, 0, 18, 3};
    KvCache cache(*backend_, decoder.spec(), 1, 16);
    decoder.hidden(cx_, TokenBatch::next(std::span(ids).first(3), 0, 0), &cache);
    TokenBatch rest = TokenBatch::next(std::span(ids).subspan(3), 3, 0);
    expect_same(logits(decoder, ids).rows(3, 7),
                decoder.logits(cx_, decoder.hidden(cx_, rest, &cache)));
  });
}

TEST_P(DecoderTest, PackedSequencesDoNotSeeEachOther) {
  for_each_model([&](const Decoder& decoder) {
    std::vector<Ids> texts{{4, 4, 8}, {7}, {1, 5, 2, 9, 0}};
    Tensor packed = decoder.logits(cx_, decoder.hidden(cx_, TokenBatch::pack(texts)));
    int64_t at = 0;
    for (const Ids& ids : texts) {
      int64_t end = at + int64_t(ids.size());
      expect_same(logits(decoder, ids), packed.rows(at, end));
      at = end;
    }
  });
}

TEST_P(DecoderTest, SequencesOfDifferentLengthsDecodeTogether) {
  for_each_model([&](const Decoder& decoder) {
    Ids a{1, 5, 2}, b{9, 0, 18, 3, 7};
    KvCache cache(*backend_, decoder.spec(), 2, 8);
    decoder.hidden(cx_, TokenBatch::next(std::span(a).first(2), 0, 0), &cache);
    decoder.hidden(cx_, TokenBatch::next(std::span(b).first(4), 0, 1), &cache);
    Ids fresh[] = {{a[2]}, {b[4]}};
    TokenBatch both = TokenBatch::pack(fresh);
    both.positions.data<int32_t>()[0] = 2;
    both.positions.data<int32_t>()[1] = 4;
    both.slots = {0, 1};
    Tensor found = decoder.logits(cx_, decoder.hidden(cx_, both, &cache));
    expect_same(logits(decoder, a).rows(2, 3), found.rows(0, 1));
    expect_same(logits(decoder, b).rows(4, 5), found.rows(1, 2));
  });
}

TEST_P(DecoderTest, RefusesMoreTokensThanTheCacheHolds) {
  Model model = load_golden(golden_models()[0]);
  Decoder decoder = model.decoder();
  KvCache cache(*backend_, decoder.spec(), 1, 2);
  Ids ids{1, 2, 3};
  EXPECT_THROW(decoder.hidden(cx_, TokenBatch::next(ids, 0, 0), &cache), Error);
}

INSTANTIATE_TEST_SUITE_P(Backends, DecoderTest, ::testing::ValuesIn(every_backend()), case_name);

}  // namespace
}  // namespace slm::testing
