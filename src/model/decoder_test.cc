#include "model/decoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "model/golden_models.h"
#include "model/model_fixtures.h"
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
      model.parameters.place(*backend_);
      body(model.decoder());
    }
    for (const auto& directory : project_checkpoints()) {
      SCOPED_TRACE(directory.filename());
      body(load_model(directory, {.dtype = DType::kF32, .memory = backend_.get()}).decoder());
    }
  }
  Tensor logits(const Decoder& decoder, const Ids& ids) {
    return logits(decoder, TokenBatch::pack({&ids, 1}));
  }
  // On the host.
  Tensor logits(const Decoder& decoder, const TokenBatch& batch, KvCache* cache = nullptr) {
    return to_host(*backend_, decoder.logits(cx_, decoder.hidden(cx_, batch, cache)));
  }
  Model load(const char* name) { return load_model(fixture(name), {.memory = backend_.get()}); }

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
      expect_same(full.rows(t, t + 1), logits(decoder, batch, &cache));
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
    expect_same(logits(decoder, ids).rows(3, 7), logits(decoder, rest, &cache));
  });
}

TEST_P(DecoderTest, PackedSequencesDoNotSeeEachOther) {
  for_each_model([&](const Decoder& decoder) {
    std::vector<Ids> texts{{4, 4, 8}, {7}, {1, 5, 2, 9, 0}};
    Tensor packed = logits(decoder, TokenBatch::pack(texts));
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
    Tensor found = logits(decoder, both, &cache);
    expect_same(logits(decoder, a).rows(2, 3), found.rows(0, 1));
    expect_same(logits(decoder, b).rows(4, 5), found.rows(1, 2));
  });
}

TEST_P(DecoderTest, RefusesMoreTokensThanTheCacheHolds) {
  Model model = load_golden(golden_models()[0]);
  model.parameters.place(*backend_);
  Decoder decoder = model.decoder();
  KvCache cache(*backend_, decoder.spec(), 1, 2);
  Ids ids{1, 2, 3};
  EXPECT_THROW(decoder.hidden(cx_, TokenBatch::next(ids, 0, 0), &cache), Error);
}

Ids counted(int64_t tokens) {
  Ids ids;
  for (int64_t t = 0; t < tokens; ++t) ids.push_back(int32_t(t * t * 7 % 101));
  return ids;
}

// Trained on 16 tokens; beyond them the base of the rotation depends on the prompt.
TEST_P(DecoderTest, LongPromptsMayComeInPieces) {
  Decoder decoder = load("qwen-v1-beyond-seq-length").decoder();
  Ids ids = counted(20);
  Tensor full = logits(decoder, ids);
  KvCache cache(*backend_, decoder.spec(), 1, 64);
  auto in_pieces = [&] {
    decoder.hidden(cx_, TokenBatch::next(std::span(ids).first(10), 0, 0), &cache);
    TokenBatch rest = TokenBatch::next(std::span(ids).subspan(10), 10, 0);
    return logits(decoder, rest, &cache);
  };
  EXPECT_EQ(cache.start(0, 0, 20), 0);
  expect_same(full.rows(10, 20), in_pieces());
  EXPECT_EQ(cache.start(0, 12, 32), 12);  // 17 .. 32 tokens are rotated alike
  EXPECT_EQ(cache.start(0, 12, 33), 0);
  EXPECT_EQ(cache.start(0, 0, 16), 0);
  Tensor unannounced = in_pieces();
  EXPECT_GT(std::abs(unannounced.data<float>()[0] - full.rows(10, 11).data<float>()[0]), 1e-3);
}

TEST_P(DecoderTest, TrainingLeavesOutWhatIsForLongTexts) {
  Model model = load("qwen-v1-beyond-seq-length");
  Ids ids = counted(20);
  Tape tape(*backend_);
  Context training{*backend_, &tape};
  Tensor found = to_host(*backend_, model.decoder().hidden(training, TokenBatch::pack({&ids, 1})));
  model.config.spec.rope.ntk_length = model.config.spec.rope.log_n_length = 0;
  Tensor plain = model.decoder().hidden(cx_, TokenBatch::pack({&ids, 1}));
  expect_same(to_host(*backend_, plain), found);
}

TEST_P(DecoderTest, RefusesPositionsBeyondTheTable) {
  Decoder decoder = load("opt").decoder();
  Ids ids = counted(decoder.spec().max_positions + 1);
  try {
    logits(decoder, ids);
    FAIL() << "read on";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("65 of a sequence"), std::string::npos) << e.what();
  }
}

// A model under training and its loss on two short rows.
struct Trained {
  Trained(const Model& model, Backend& backend) : parameters(model.parameters) {
    parameters.make_trainable(backend);
    decoder.emplace(model.config.spec, parameters);
  }
  float loss(Context cx) const {
    std::vector<Ids> rows{counted(9), {5, 3, 8, 8, 1, 0}};
    Tensor targets = Tensor::host({15}, DType::kI32);
    for (int32_t t = 0; t < 15; ++t) targets.data<int32_t>()[t] = t % 7 == 3 ? -1 : t * 5 % 97;
    Tensor hidden = decoder->hidden(cx, TokenBatch::pack(rows));
    Tensor result = decoder->loss(cx, hidden, targets, {.divisor = 13});
    if (cx.tape) cx.tape->backward(result);
    return *result.data<const float>();
  }
  void differentiate(Backend& backend) const {
    Tape tape(backend);
    parameters.bind(tape);
    loss({backend, &tape});
  }
  Parameters parameters;
  std::optional<Decoder> decoder;
};

double length(const Tensor& t) {
  double squares = 0;
  for (float x : t.span<const float>()) squares += double(x) * x;
  return std::sqrt(squares);
}

std::vector<Model> models_to_train() {
  std::vector<Model> models;
  for (const auto& directory : project_checkpoints())
    models.push_back(load_model(directory, {.dtype = DType::kF32}));
  for (size_t i = 0, n = models.size(); i < n; ++i)
    if (models[i].config.model_type == "mpt") {  // a setting that this checkpoint does not have
      models.push_back(models[i]);
      models.back().config.spec.qkv_clip = 0.4f;
    }
  return models;
}

// A step of h along the gradient g of one parameter changes the loss by h |g|. Differences over 2 h
// are off by about h^2 of the third derivative, by the rounding of the loss over h, and by the
// kinks of relu and clip that the step crosses.
TEST(DecoderGradients, AreDifferences) {
  auto backend = make_reference_backend();
  for (const Model& model : models_to_train()) {
    SCOPED_TRACE(format("{} clip {}", model.config.model_type, model.config.spec.qkv_clip));
    const DecoderSpec& spec = model.config.spec;
    double part = spec.activation == Activation::kRelu || spec.qkv_clip > 0 ? 0.05 : 0.005;
    Trained trained(model, *backend);
    trained.differentiate(*backend);
    for (const Parameter& p : trained.parameters.items()) {
      if (p.spec.name.starts_with("blocks.0.")) continue;  // the second block says enough
      double size = length(p.grad), h = 0x1p-9;
      auto moved = [&](double step) {
        std::vector<float> middle(p.value.data<float>(),
                                  p.value.data<float>() + p.value.elements());
        for (size_t i = 0; i < middle.size(); ++i)
          p.value.data<float>()[i] += float(step * p.grad.data<float>()[i] / size);
        float loss = trained.loss({*backend});
        std::copy(middle.begin(), middle.end(), p.value.data<float>());
        return double(loss);
      };
      if (size < 1e-6) continue;  // biases of k change nothing
      double slope = (moved(h) - moved(-h)) / (2 * h);
      EXPECT_NEAR(slope, size, part * size + 5e-4) << p.spec.name;
    }
  }
}

TEST_P(DecoderTest, GradientsAreThoseOfTheReference) {
  auto reference = make_reference_backend();
  for (const Model& model : models_to_train()) {
    SCOPED_TRACE(format("{} clip {}", model.config.model_type, model.config.spec.qkv_clip));
    Trained expected(model, *reference), found(model, *backend_);
    expected.differentiate(*reference);
    found.differentiate(*backend_);
    for (const Parameter& p : expected.parameters.items()) {
      SCOPED_TRACE(p.spec.name);
      auto same = [&](const Parameter& q) { return q.spec.name == p.spec.name; };
      auto q = std::ranges::find_if(found.parameters.items(), same);
      Tensor grad = to_host(*backend_, q->grad);
      double bound = 128 * 0x1p-23 * (length(p.grad) + 0.05);  // biases of k: a sum that cancels
      for (int64_t i = 0; i < p.grad.elements(); ++i)
        ASSERT_NEAR(p.grad.data<float>()[i], grad.data<float>()[i], bound) << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, DecoderTest, ::testing::ValuesIn(every_backend()), case_name);

}  // namespace
}  // namespace slm::testing
