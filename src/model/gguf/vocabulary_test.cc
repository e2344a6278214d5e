#include "model/gguf/vocabulary.h"

#include <gtest/gtest.h>

#include "format/gguf.h"
#include "model/checkpoint.h"
#include "support/process.h"
#include "support/test_data.h"

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

// The GGUF file of a trained model, its twin in the Hugging Face layout, and what a third program
// makes of both.
TEST(Stories260K, TheGgufFileAndItsTwinAgree) {
  SLM_REQUIRE_EXTERNAL("checkpoints/stories260K");
  auto folder = external_data("checkpoints/stories260K");
  Model gguf = load_model(folder / "stories260K.gguf"), twin = load_model(folder / "hf");
  ASSERT_TRUE(gguf.tokenizer);
  for (const Parameter& p : twin.parameters.items()) {
    Tensor other = gguf.parameters.at(p.spec.name);
    ASSERT_EQ(other.shape(), p.value.shape());
    for (int64_t i = 0; i < other.elements(); ++i)
      ASSERT_EQ(other.data<float>()[i], p.value.data<float>()[i]) << p.spec.name << " " << i;
  }
  std::vector<int32_t> prompt = gguf.tokenizer->encode("Zoo", {.bos = true});
  EXPECT_EQ(prompt, (std::vector<int32_t>{1, 410, 469, 347}));
}

}  // namespace
}  // namespace slm::testing
