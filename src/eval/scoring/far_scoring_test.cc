// Scoring on a device whose memory the host cannot touch, and on that and the host together,
// against the same kernels on the host.
#include <gtest/gtest.h>

#include "eval/scoring/evaluated_model.h"
#include "eval/scoring/scorer.h"
#include "generate/tiny_model.h"
#include "model/load.h"
#include "model/model_fixtures.h"
#include "model/sizes.h"
#include "support/far_backend.h"
#include "support/test_data.h"

namespace slm {
namespace {

std::vector<Passage> passages(int64_t vocab) {
  std::vector<Passage> all;
  for (int32_t i = 0; i < 12; ++i) {
    Passage p{{1, 5, 2, 9, 0, 3}, {}};
    for (int32_t k = 0; k < i % 5; ++k) p.input.push_back(int32_t((i * 7 + k * 3) % vocab));
    for (int32_t k = 0; k <= i % 3; ++k) p.targets.push_back(int32_t((i + k * 11) % vocab));
    p.input.insert(p.input.end(), p.targets.begin(), p.targets.end() - 1);
    all.push_back(p);
  }
  return all;
}

// Every family, so that every constant of a decoder is where it is needed.
TEST(FarScoring, ScoresAndFingerprintsAreTheSame) {
  auto near = make_cpu_backend({.threads = 1, .isa = {}, .exact = true});
  auto far = testing::make_far_backend();
  auto tokenizer = testing::byte_tokenizer();
  for (const auto& checkpoint : testing::project_checkpoints()) {
    SCOPED_TRACE(checkpoint.string());
    std::vector<std::vector<PassageScore>> scores;
    std::vector<std::string> prints;
    for (Backend* backend : {near.get(), far.get()}) {
      Model model = load_model(checkpoint, {.memory = backend});
      Decoder decoder = model.decoder();
      scores.push_back(
          Scorer(decoder, *backend).score(passages(decoder.spec().vocab), {.tokens = 60}));
      EvaluatedModel evaluated{decoder, *backend, *tokenizer, {}};
      prints.push_back(fingerprint(evaluated, model.config, model.parameters));
    }
    EXPECT_EQ(scores[0], scores[1]);
    EXPECT_EQ(prints[0], prints[1]);
  }
}

TEST(FarScoring, OfAModelOnTwoBackends) {
  std::shared_ptr<Backend> near = make_cpu_backend({.threads = 1, .isa = {}, .exact = true});
  auto far = testing::make_far_backend();
  auto tokenizer = testing::byte_tokenizer();
  for (const auto& checkpoint : testing::project_checkpoints()) {
    SCOPED_TRACE(checkpoint.string());
    Model one = load_model(checkpoint, {.memory = far.get()});
    Model two = load_model(checkpoint, {.memory = far.get(), .placement = {near, 1}});
    Decoder whole = one.decoder(), split = two.decoder();
    std::vector<Passage> some = passages(whole.spec().vocab);
    EXPECT_EQ(Scorer(split, *far).score(some, {.tokens = 60}),
              Scorer(whole, *far).score(some, {.tokens = 60}));
    EXPECT_NE(fingerprint({split, *far, *tokenizer, {}}, two.config, two.parameters),
              fingerprint({whole, *far, *tokenizer, {}}, one.config, one.parameters));
  }
}

TEST(FarScoring, BatchesFitTheMemoryOfTheDevice) {
  auto inner = [] { return make_cpu_backend({.threads = 1, .isa = {}, .exact = true}); };
  Model model = load_model(testing::project_checkpoints()[0]);
  Decoder decoder = model.decoder();
  int64_t token = pass_bytes_per_token(decoder.spec());
  auto limit = [&](int64_t free) {
    return limits_by_memory(decoder, testing::FarBackend(inner(), free)).tokens;
  };
  EXPECT_EQ(limit(0), 256);
  EXPECT_EQ(limit(4 * 1000 * token), 1000);
  EXPECT_EQ(limit(int64_t{1} << 40), 4096);
}

}  // namespace
}  // namespace slm
