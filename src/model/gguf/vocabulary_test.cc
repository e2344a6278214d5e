#include "model/gguf/vocabulary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/backend.h"
#include "format/gguf.h"
#include "model/load.h"
#include "support/test_data.h"
#include "util/files.h"
#include "util/json.h"

namespace slm::testing {
namespace {

TEST(GgufVocabulary, EveryFieldComesBack) {
  PortableVocabulary v;
  v.model = "llama";
  v.pre = "default";
  v.tokens = {"<unk>", "<s>", "</s>", "a"};
  v.token_types = {2, 3, 3, 1};
  v.scores = {0, 0, 0, -1.5f};
  v.bos = 1, v.eos = 2, v.unknown = 0, v.padding = 2, v.eot = 3;
  v.add_bos = v.add_space_prefix = v.remove_extra_whitespaces = true;
  v.chat_template = "{{ bos_token }}";
  GgufMetadata m;
  write_vocabulary(v, m);
  PortableVocabulary r = read_vocabulary(m);
  EXPECT_EQ(r.model, v.model);
  EXPECT_EQ(r.pre, v.pre);
  EXPECT_EQ(r.tokens, v.tokens);
  EXPECT_EQ(r.token_types, v.token_types);
  EXPECT_EQ(r.scores, v.scores);
  EXPECT_EQ(r.bos, v.bos);
  EXPECT_EQ(r.eos, v.eos);
  EXPECT_EQ(r.unknown, v.unknown);
  EXPECT_EQ(r.padding, v.padding);
  EXPECT_EQ(r.eot, v.eot);
  EXPECT_TRUE(r.add_bos && !r.add_eos && r.add_space_prefix && r.remove_extra_whitespaces);
  EXPECT_EQ(r.chat_template, v.chat_template);
}

TEST(GgufVocabulary, IdsOutsideTheVocabularyMeanNone) {
  GgufMetadata m;
  m.set("tokenizer.ggml.model", std::string("gpt2"));
  m.set("tokenizer.ggml.tokens", GgufArray(std::vector<std::string>{"a", "b"}));
  m.set("tokenizer.ggml.bos_token_id", UINT32_MAX);
  m.set("tokenizer.ggml.eos_token_id", uint32_t{1});
  m.set("tokenizer.ggml.eot_token_id", uint32_t{2});
  EXPECT_FALSE(read_vocabulary(m).bos);
  EXPECT_EQ(read_vocabulary(m).pre, "");
  EXPECT_EQ(vocabulary_stop_ids(m), std::vector<int32_t>{1});
}

// The logits of a third program for the prompt and its greedy continuation, and that continuation;
// `next` becomes the likeliest token after it.
void expect_story(const Model& model, const std::filesystem::path& folder, ptrdiff_t& next) {
  Json zoo = read_json_file(folder / "zoo.ids.json");
  auto ids = zoo["ids"].get<std::vector<int32_t>>();
  auto prompt = zoo["n_prompt"].get<size_t>();
  std::string bytes = read_file(folder / "zoo.logits.f32");
  std::vector<float> expected(bytes.size() / sizeof(float));
  std::memcpy(expected.data(), bytes.data(), bytes.size());
  auto backend = make_reference_backend();
  Context cx{*backend};
  Decoder decoder = model.decoder();
  Tensor logits = decoder.logits(cx, decoder.hidden(cx, TokenBatch::pack({&ids, 1})));
  auto found = logits.span<float>();
  ASSERT_EQ(found.size(), expected.size());
  float largest = 0;
  for (float x : expected) largest = std::max(largest, std::abs(x));
  // Both are f32 sums of the same terms: 64 units of the largest, as in model/verify.h.
  for (size_t i = 0; i < found.size(); ++i)
    ASSERT_NEAR(found[i], expected[i], 64 * 0x1p-23 * largest) << i;
  size_t vocab = size_t(logits.dim(1));
  for (size_t t = prompt; t <= ids.size(); ++t) {
    auto row = found.subspan((t - 1) * vocab, vocab);
    next = std::max_element(row.begin(), row.end()) - row.begin();
    if (t < ids.size()) {
      EXPECT_EQ(next, ids[t]) << t;
    }
  }
}

// The GGUF file of a trained model and its twin in the Hugging Face layout.
TEST(Stories260K, TheGgufFileAndItsTwinTellTheSameStory) {
  SLM_REQUIRE_EXTERNAL("data/checkpoints/stories260K");
  auto folder = external_data("data/checkpoints/stories260K");
  Model gguf = load_model(folder / "stories260K.gguf"), twin = load_model(folder / "hf");
  ptrdiff_t next = 0, of_twin = 0;
  expect_story(gguf, folder, next);
  expect_story(twin, folder, of_twin);
  EXPECT_EQ(of_twin, next);
  for (const Parameter& p : twin.parameters.items()) {
    Tensor other = gguf.parameters.at(p.spec.name);
    ASSERT_EQ(other.shape(), p.value.shape());
    EXPECT_EQ(std::memcmp(other.bytes_data(), p.value.bytes_data(), size_t(other.bytes())), 0)
        << p.spec.name;
  }
  ASSERT_TRUE(gguf.tokenizer);
  auto ids = read_json_file(folder / "zoo.ids.json")["ids"].get<std::vector<int32_t>>();
  EXPECT_EQ(gguf.tokenizer->encode("Zoo", {.bos = true}),
            std::vector<int32_t>(ids.begin(), ids.begin() + 4));
  std::string story = read_file(folder / "zoo.txt");
  while (story.ends_with('\n')) story.pop_back();
  ids.push_back(int32_t(next));  // the text has the token after the last one whose logits are kept
  EXPECT_EQ(gguf.tokenizer->decode(ids, true), story);
}

}  // namespace
}  // namespace slm::testing
