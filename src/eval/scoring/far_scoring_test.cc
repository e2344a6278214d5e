// Scoring on a device whose memory the host cannot touch, against the same kernels on the host.
#include <gtest/gtest.h>

#include "eval/scoring/evaluated_model.h"
#include "eval/scoring/scorer.h"
#include "generate/tiny_model.h"
#include "model/load.h"
#include "model/model_fixtures.h"
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

}  // namespace
}  // namespace slm
