#include "eval/scoring/greedy_text.h"

#include <gtest/gtest.h>

#include "generate/generator.h"
#include "generate/tiny_model.h"
#include "util/error.h"

namespace slm {
namespace {

using testing::byte_tokenizer;

class GreedyText : public ::testing::Test {
 protected:
  std::vector<std::string> texts(const std::vector<GreedyPrompt>& prompts) {
    std::vector<std::string> all(prompts.size());
    continue_greedily(model, prompts, [&](size_t i, const std::string& text) {
      all[i] = text;
      return true;
    });
    return all;
  }
  GreedyPrompt prompt(const std::string& text) { return {tokenizer->encode(text), {}, 20}; }

  DecoderSpec spec = testing::tiny_spec(259);
  Parameters parameters = testing::random_parameters(spec);
  Decoder decoder{spec, parameters};
  std::unique_ptr<Backend> backend = make_cpu_backend({.threads = 2});
  std::shared_ptr<const Tokenizer> tokenizer = byte_tokenizer();
  EvaluatedModel model{decoder, *backend, *tokenizer, {.max_length = 64, .end_of_text = 256}};
};

TEST_F(GreedyText, AgreesWithTheGeneratorForAnyCompany) {
  std::vector<GreedyPrompt> prompts;
  for (int i = 0; i < 40; ++i)
    prompts.push_back(prompt(std::string(size_t(1 + i % 13), char('a' + i % 7)) + "x"));
  std::vector<std::string> all = texts(prompts);
  for (size_t i : {0u, 5u, 12u, 39u}) {
    Generator generator(decoder, *backend, tokenizer.get());
    GenerationRequest request{.prompt = prompts[i].ids,
                              .sampling = {.temperature = 0},
                              .max_new_tokens = 20,
                              .stop_ids = {256}};
    EXPECT_EQ(tokenizer->decode(generator.generate(request).ids, true), all[i]) << i;
    EXPECT_EQ(texts({prompts[i]})[0], all[i]) << i;
  }
}

TEST_F(GreedyText, EndsAtStops) {
  std::string whole = texts({prompt("hello")})[0];
  ASSERT_GT(whole.size(), 8u);
  GreedyPrompt p = prompt("hello");
  p.stop = {"no such text", whole.substr(3, 2)};
  EXPECT_EQ(texts({p})[0], whole.substr(0, whole.find(whole.substr(3, 2))));
  p.stop = {whole.substr(2, 1)};  // a token by itself
  EXPECT_EQ(texts({p})[0], whole.substr(0, whole.find(whole.substr(2, 1))));
  p = prompt("hello");
  p.max_tokens = 1;
  EXPECT_EQ(texts({p})[0], whole.substr(0, 1));
}

TEST_F(GreedyText, RefusesEmptyPrompts) { EXPECT_THROW(texts({GreedyPrompt{}}), Error); }

}  // namespace
}  // namespace slm
