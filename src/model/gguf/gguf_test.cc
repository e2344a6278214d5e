// Models as GGUF files and back.
#include "format/gguf.h"

#include <gtest/gtest.h>

#include <cstring>

#include "format/safetensors.h"
#include "model/checkpoint.h"
#include "model/gguf/gguf_config.h"
#include "model/gguf/save_gguf.h"
#include "support/process.h"
#include "support/refusal.h"
#include "support/test_data.h"

namespace slm::testing {
namespace {

namespace fs = std::filesystem;

void to_gguf(const fs::path& source, const fs::path& target, DType dtype) {
  Checkpoint checkpoint(source);
  save_gguf(target,
            {.config = checkpoint.config(),
             .vocabulary = checkpoint.vocabulary(),
             .stop_ids = checkpoint.stop_ids(),
             .value = [&](size_t p) { return checkpoint.load(p); }},
            {.dtype = [&](const GgufTensor&) { return dtype; }});
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         std::memcmp(a.bytes_data(), b.bytes_data(), size_t(a.bytes())) == 0;
}

// Every parameter and the config come back as they were.
void expect_round_trip(const fs::path& directory, std::string_view architecture) {
  SCOPED_TRACE(directory.filename());
  TemporaryDirectory scratch;
  fs::path file = scratch.path() / "model.gguf";
  to_gguf(directory, file, DType::kF32);
  EXPECT_EQ(open_gguf(file).metadata.string("general.architecture"), architecture);
  Model before = load_model(directory, {.dtype = DType::kF32}), after = load_model(file);
  EXPECT_EQ(after.config.spec, before.config.spec);
  EXPECT_EQ(after.config.config, before.config.config);
  EXPECT_EQ(after.stop_ids, before.stop_ids);
  for (const Parameter& p : before.parameters.items())
    EXPECT_TRUE(same_bits(after.parameters.at(p.spec.name), p.value)) << p.spec.name;
}

TEST(GgufModel, RoundTripIsExactForTheFixturesOfTheProject) {
  expect_round_trip(fixture("gpt_neox-v1-parallel"), "gptneox");
  expect_round_trip(fixture("gpt_neox-full-rotary-bin"), "gptneox");
  expect_round_trip(fixture("stablelm_alpha-v2"), "stablelm");
  expect_round_trip(fixture("llama-vicuna"), "llama");
  expect_round_trip(fixture("stablelm-2-12b-qkln-parallel-gqa"), "stablelm");
  expect_round_trip(fixture("stablelm-3b-sharded"), "stablelm");
}

TEST(GgufModel, RoundTripIsExactForEveryOtherFamilyThatLlamaCppKnows) {
  SLM_REQUIRE_EXTERNAL("fixtures");
  constexpr std::pair<const char*, const char*> kOthers[] = {
      {"gpt_neox-sequential", "gptneox"},
      {"llama-gqa", "llama"},
      {"mistral-window", "llama"},
      {"stablelm-2-1_6b-qkvbias", "stablelm"},
      {"stablelm-gqa-bias-full-rotary", "stablelm"},
      {"stablelm_epoch-legacy", "stablelm"},
      {"qwen-v1", "qwen2"},  // the same decoder up to the length it was trained for
      {"falcon-7b", "falcon"},
      {"falcon-40b", "falcon"},
      {"mpt", "mpt"},
      {"bloom", "bloom"},
      {"phi", "phi2"}};
  for (auto [name, architecture] : kOthers)
    expect_round_trip(external_data("fixtures") / name, architecture);
}

TEST(GgufModel, DecodersThatNoArchitectureComputesAreRefused) {
  SLM_REQUIRE_EXTERNAL("fixtures");
  for (const char* name : {"gptj", "opt", "btlm", "falcon-rw-alibi"}) {
    TemporaryDirectory scratch;
    std::string said = refusal(
        [&] { to_gguf(external_data("fixtures") / name, scratch.path() / "m.gguf", DType::kF32); });
    EXPECT_NE(said.find("no architecture of llama.cpp"), std::string::npos) << name << said;
  }
}

// The rows of a normalised head are divided when written, so that readers which know no such heads
// compute the same.
TEST(GgufModel, ANormalisedHeadIsWrittenDivided) {
  SLM_REQUIRE_EXTERNAL("fixtures");
  TemporaryDirectory scratch;
  fs::path file = scratch.path() / "m.gguf";
  to_gguf(external_data("fixtures/baichuan2-7b"), file, DType::kF32);
  GgufFile gguf = open_gguf(file);
  EXPECT_EQ(gguf.metadata.string("general.architecture"), "llama");
  Tensor head = gguf.tensors.load("output.weight");
  for (int64_t row = 0; row < head.dim(0); ++row) {
    double squares = 0;
    for (float x : head.rows(row, row + 1).span<float>()) squares += double(x) * double(x);
    EXPECT_NEAR(squares, 1, 1e-6);
  }
}

// Row i of a head lies at 2 i, row i + half at 2 i + 1: what interleaved rotation of pairs expects.
TEST(GgufModel, RowsOfQAndKOfLlamaLieInPairs) {
  TemporaryDirectory scratch;
  fs::path file = scratch.path() / "m.gguf";
  to_gguf(fixture("llama-vicuna"), file, DType::kF32);
  Model model = load_model(fixture("llama-vicuna"));
  const DecoderSpec& spec = model.config.spec;
  Tensor plain = model.parameters.at("blocks.1.attn.k.weight"),
         paired = open_gguf(file).tensors.load("blk.1.attn_k.weight");
  int64_t size = spec.head_size;
  for (int64_t head = 0; head < spec.kv_heads; ++head)
    for (int64_t i = 0; i < size / 2; ++i)
      for (int64_t half : {0, 1}) {
        int64_t from = head * size + half * (size / 2) + i, at = head * size + 2 * i + half;
        EXPECT_TRUE(same_bits(plain.rows(from, from + 1), paired.rows(at, at + 1)));
      }
}

TEST(GgufModel, NormsAndBiasesAreF32WhateverTheMatricesAre) {
  TemporaryDirectory scratch;
  fs::path file = scratch.path() / "m.gguf";
  to_gguf(fixture("gpt_neox-v1-parallel"), file, DType::kF16);
  GgufFile gguf = open_gguf(file);
  EXPECT_EQ(gguf.metadata.integer("general.file_type"), 1);
  for (const TensorEntry& t : gguf.tensors.entries()) {
    bool vector = t.shape.rank() == 1 || t.name.find("norm") != std::string::npos;
    EXPECT_EQ(t.dtype, vector ? DType::kF32 : DType::kF16) << t.name;
  }
}

// Sources of a file whose metadata or tensors a test has changed.
class ChangedGguf : public ::testing::Test {
 protected:
  void start(const char* name) {
    to_gguf(fixture(name), file(), DType::kF32);
    GgufFile gguf = open_gguf(file());
    for (const auto& item : gguf.metadata.items()) metadata_.set(item.key, item.value);
    for (const TensorEntry& t : gguf.tensors.entries())
      tensors_.push_back(
          {t.name, t.dtype, t.shape, [tensor = gguf.tensors.load(t.name)] { return tensor; }});
  }
  Model load() {
    GgufMetadata kept;
    for (const auto& item : metadata_.items())
      if (item.key != drop_) kept.set(item.key, item.value);
    write_gguf(file(), kept, tensors_);
    return load_model(file());
  }
  void expect_error(const std::string& part) {
    std::string said = refusal([&] { load(); });
    EXPECT_NE(said.find(part), std::string::npos) << said;
  }
  void remove_tensor(const std::string& name) {
    std::erase_if(tensors_, [&](const TensorSource& t) { return t.name == name; });
  }
  fs::path file() const { return scratch_.path() / "m.gguf"; }

  TemporaryDirectory scratch_;
  GgufMetadata metadata_;
  std::string drop_ = "huggingface.config";
  std::vector<TensorSource> tensors_;
};

TEST_F(ChangedGguf, WithoutTheKeptConfigTheKeysSayTheSame) {
  for (const char* name : {"gpt_neox-v1-parallel", "llama-vicuna", "stablelm-3b-sharded",
                           "stablelm-2-12b-qkln-parallel-gqa"}) {
    tensors_.clear();
    start(name);
    Model model = load();
    EXPECT_EQ(as_gguf_says(model.config.spec), as_gguf_says(load_model(fixture(name)).config.spec));
  }
}

TEST_F(ChangedGguf, ChangedKeysWinOverTheKeptConfig) {
  start("stablelm-3b-sharded");
  drop_ = "";
  metadata_.set("stablelm.rope.freq_base", 12345.f);
  EXPECT_EQ(load().config.spec.rope.theta, 12345);
}

TEST_F(ChangedGguf, StopIdsOfTheVocabularyCountToo) {
  start("stablelm-3b-sharded");
  metadata_.set("tokenizer.ggml.eos_token_id", uint32_t{3});
  metadata_.set("tokenizer.ggml.eot_token_id", uint32_t{5});
  metadata_.set("tokenizer.ggml.eom_token_id", UINT32_MAX);  // "none"
  drop_ = "huggingface.config";
  Model model = load();
  EXPECT_EQ(std::count(model.stop_ids.begin(), model.stop_ids.end(), 3), 1);
  EXPECT_EQ(std::count(model.stop_ids.begin(), model.stop_ids.end(), 5), 1);
}

TEST_F(ChangedGguf, UnknownArchitecturesAndFormsAreNamed) {
  start("llama-vicuna");
  metadata_.set("general.architecture", std::string("mamba"));
  expect_error(
      "architecture \"mamba\" is not supported; known are stablelm, gptneox, qwen2, llama");
  metadata_.set("general.architecture", std::string("llama"));
  metadata_.set("llama.rope.scaling.type", std::string("yarn"));
  expect_error("rotary scaling of type \"yarn\"");
  metadata_.set("llama.rope.scaling.type", std::string("none"));
  metadata_.set("llama.expert_count", uint32_t{8});
  expect_error("a mixture of 8 experts is not supported");
  metadata_.set("llama.expert_count", uint32_t{0});
  metadata_.set("llama.rope.dimension_count", uint32_t{2});
  expect_error("rotation of 2 of the");
}

TEST_F(ChangedGguf, SizesThatDisagreeWithTheTensorsAreRefused) {
  start("llama-vicuna");
  int64_t layers = metadata_.integer("llama.block_count");
  metadata_.set("llama.block_count", uint32_t(layers + 1));
  expect_error("is missing; config.json asks for it");
  metadata_.set("llama.block_count", uint32_t(layers - 1));
  expect_error("tensors that its config does not account for");
  metadata_.set("llama.block_count", UINT32_MAX);
  expect_error("key \"llama.block_count\" must be an integer from 1 to 4096");
  metadata_.set("llama.block_count", std::string("many"));
  expect_error("key \"llama.block_count\" must be an integer");
  metadata_.set("llama.block_count", uint32_t(layers));
  metadata_.set("llama.attention.head_count", uint32_t{0});
  expect_error("key \"llama.attention.head_count\" must be an integer from 1");
}

TEST_F(ChangedGguf, AFileOfAVocabularyOnlyIsNoModel) {
  start("llama-vicuna");
  tensors_.clear();
  expect_error("a file of a vocabulary only is no model");
}

TEST_F(ChangedGguf, AMissingHeadIsTheEmbedding) {
  start("llama-vicuna");
  remove_tensor("output.weight");
  EXPECT_TRUE(load().config.spec.tied_head);
}

TEST_F(ChangedGguf, BrokenVocabulariesAreRefused) {
  start("llama-vicuna");
  metadata_.set("tokenizer.ggml.model", std::string("llama"));
  metadata_.set("tokenizer.ggml.tokens", GgufArray(std::vector<std::string>{"<unk>", "a", "b"}));
  metadata_.set("tokenizer.ggml.scores", GgufArray(std::vector<float>{0, 0}));
  expect_error("key \"tokenizer.ggml.scores\" has 2 elements for 3 tokens");
  metadata_.set("tokenizer.ggml.scores", GgufArray(std::vector<float>{0, 0, 0}));
  metadata_.set("tokenizer.ggml.token_type", GgufArray(std::vector<int32_t>{-2, 1, 1}));
  expect_error("has the type -2");
  metadata_.set("tokenizer.ggml.tokens", GgufArray(std::vector<int32_t>{1}));
  expect_error("must be an array of strings");
}

}  // namespace
}  // namespace slm::testing
