#include "train/run_config.h"

#include <gtest/gtest.h>

#include "support/refusal.h"
#include "support/test_data.h"
#include "train/config_key.h"
#include "train/config_listing.h"
#include "train/model_shape.h"
#include "train/tiny_run_test.h"
#include "util/files.h"

namespace slm {
namespace {

using testing::kTinyConfig;
using testing::refusal;
using testing::tiny_config;

// Reads `text` after the tiny configuration.
std::string refused(const std::string& text) {
  return refusal([&] { read_run_config({{"tiny.yml", kTinyConfig}, {"more.yml", text}}); });
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

struct Published {
  const char* file;
  int64_t tokens, parameters;  // of the tokenizer; of the model in the layout that stores it
  double lr;
};

class PublishedConfig : public ::testing::TestWithParam<Published> {};

TEST_P(PublishedConfig, LoadsUnchangedAndPrintsBackTheSame) {
  auto path = std::filesystem::path("data/configs") / GetParam().file;
  SLM_REQUIRE_EXTERNAL(path);
  RunConfig config = read_run_config({read_config_source(testing::external_data(path))});
  EXPECT_DOUBLE_EQ(config.optimizer.lr, GetParam().lr);
  EXPECT_TRUE(config.recompute);

  std::vector<std::string> notes;
  ModelConfig model = model_for_training(config.shape, GetParam().tokens, {}, notes);
  int64_t parameters = 0;
  for (const ParameterSpec& p : parameter_specs(model.spec)) parameters += p.shape.elements();
  EXPECT_EQ(parameters, GetParam().parameters);

  std::string printed = print_run_config(config);
  EXPECT_EQ(print_run_config(read_run_config({{"printed", printed}})), printed);
}

// 4E1T and the first 3B are the published counts; the others follow from shapes, with the padded
// vocabulary of two or four tensor-parallel ranks.
INSTANTIATE_TEST_SUITE_P(
    Nine, PublishedConfig,
    ::testing::Values(
        Published{"stablelm-3b-4e1t.yml", 50277, 2'795'443'200, 3.2e-4},
        Published{"stablelm-2-1_6b.yml", 100289, 1'644'367'872, 1e-3},
        Published{"stablelm-2-12b.yml", 100289, 12'143'185'920, 3e-4},
        Published{"stablelm-base-alpha-3b.yml", 50277, 3'637'321'728, 1.6e-4},
        Published{"stablelm-base-alpha-7b.yml", 50277, 7'868'755'968, 1.5e-4},
        Published{"stablelm-base-alpha-3b-v2.yml", 50277, 2'795'934'720, 3.2e-4},
        Published{"stablelm-base-alpha-3b-v2-4k-extension.yml", 50277, 2'795'934'720, 2.8e-5},
        Published{"stablelm-base-alpha-7b-v2.yml", 50277, 6'889'414'656, 3e-4},
        Published{"stablelm-base-alpha-7b-v2-4k-extension.yml", 50277, 6'889'414'656, 2.2e-5}),
    [](const auto& test) {
      std::string name = test.param.file;
      std::replace_if(
          name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
      return name;
    });

TEST(RunConfig, TrapsOfTheFormat) {
  RunConfig c = read_run_config({{"tiny.yml", kTinyConfig}, {"more.yml", R"(
# a comment
weight-decay: 0.
gradient_clipping: 1          # an integer for a number
checkpoint_num_layers: 2.0    # a number for an integer
zero_optimization:
  allgather_bucket_size: 5_000_000_000
fp16: {min_loss_scale: 1e-10, hysteresis: 2, }
train-data-paths: [""]
train-data-weights: [1.0,]
eval_tasks: []
load: null
)"}},
                                {"seed=2_345_678_926", "optimizer.params.lr=1e-3"});
  EXPECT_EQ(c.optimizer.weight_decay, 0);
  EXPECT_EQ(c.recompute_layers, 2);
  EXPECT_TRUE(c.data.train.empty() && c.data.train_weights.empty());
  EXPECT_EQ(c.data.seed, 2'345'678'926);
  EXPECT_EQ(c.optimizer.lr, 1e-3);
}

TEST(RunConfig, ErrorsNameFileLineKeyExpectedAndFound) {
  std::string unknown = refused("\n\nweight_deacy: 0.1");
  EXPECT_TRUE(has(unknown, "more.yml:3") && has(unknown, "weight_deacy") &&
              has(unknown, "did you mean \"weight_decay\"?"))
      << unknown;
  std::string nested = refused("fp16: {enable: true}");
  EXPECT_TRUE(has(nested, "did you mean \"fp16.enabled\"?")) << nested;
  std::string type = refused("log_param: 1\n");
  EXPECT_TRUE(has(type, "unknown key")) << type;
  EXPECT_EQ(refused("weight_decay: [1]"),
            "more.yml:1: key \"weight_decay\" must be a number, found a list");
  EXPECT_EQ(refused("extra_save_iters: [0, 1.5]"),
            "more.yml:1: key \"extra_save_iters\" must be an integer, found 1.5");
  EXPECT_EQ(refused("eval_interval_: 3").substr(0, 10), "more.yml:1");
  EXPECT_EQ(refused("weight_decay: \"0.1\""),
            "more.yml:1: key \"weight_decay\" must be a number, found \"0.1\"");
  EXPECT_EQ(refused("checkpoint_activations: 1"),
            "more.yml:1: key \"checkpoint_activations\" must be true or false, found 1");
  EXPECT_EQ(refused("fp16: 3"), "more.yml:1: key \"fp16\" must be a mapping, found 3");
}

TEST(RunConfig, BrokenAndHostileFiles) {
  EXPECT_TRUE(has(refused("a: [1,\nb: \""), "more.yml:"));
  EXPECT_TRUE(has(refused("- 1"), "expected key: value pairs"));
  EXPECT_TRUE(has(refused(""), "expected key: value pairs"));
  EXPECT_TRUE(has(refused("save: &a x\nload: *a"), "aliases"));
  EXPECT_TRUE(has(refused("[a]: 1"), "a key must be a word"));
  auto nested = [](size_t depth) {
    return "eval_tasks: " + std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(has(refused(nested(30)), "nested deeper")) << refused(nested(30));
  EXPECT_NE(refused(nested(100'000)), "no error");
  EXPECT_TRUE(has(refused("iteration: 99999999999999999999"), "must be an integer"));
  EXPECT_TRUE(has(refused("weight_decay: nan"), "must be a number"));
}

TEST(RunConfig, SameKeyTwice) {
  EXPECT_TRUE(has(refused("seed: 8"), "already given by tiny.yml"));
  RunConfig c = read_run_config({{"tiny.yml", kTinyConfig}, {"more.yml", "save: a\nsave: b"}});
  EXPECT_EQ(c.saving.save, "b");
  EXPECT_TRUE(has(c.notes.back(), "given twice"));
}

// The same global batch, whatever the number of processes; each has its share of micro batches.
TEST(RunConfig, BatchesAreSharedByProcesses) {
  std::vector<std::string> keep{"train_batch_size=8", "gradient_accumulation_steps=0"};
  for (int64_t processes : {1, 2, 4}) {
    RunConfig c = read_run_config({{"tiny.yml", kTinyConfig}}, keep, processes);
    EXPECT_EQ(c.batch.global, 8);
    EXPECT_EQ(c.batch.accumulate, 4 / processes);
    EXPECT_EQ(c.batch.micro_batches(), 4);
  }
  EXPECT_EQ(read_run_config({{"tiny.yml", kTinyConfig}}, {}, 3).batch.global, 12);
  std::string text = refusal([&] { read_run_config({{"tiny.yml", kTinyConfig}}, keep, 3); });
  EXPECT_TRUE(has(text, "x 3 data-parallel processes")) << text;
}

TEST(RunConfig, BatchesFromAnyTwo) {
  auto batch = [](std::vector<std::string> overrides) {
    overrides.insert(overrides.begin(), {"train_micro_batch_size_per_gpu=0",
                                         "gradient_accumulation_steps=0", "train_batch_size=0"});
    RunConfig c = tiny_config(overrides);
    return std::array{c.batch.global, c.batch.micro, c.batch.accumulate};
  };
  using Triple = std::array<int64_t, 3>;
  EXPECT_EQ(batch({"train_micro_batch_size_per_gpu=3"}), (Triple{3, 3, 1}));
  EXPECT_EQ(batch({"train_batch_size=12", "train_micro_batch_size_per_gpu=3"}), (Triple{12, 3, 4}));
  EXPECT_EQ(batch({"train_batch_size=12", "gradient_accumulation_steps=2"}), (Triple{12, 6, 2}));
  EXPECT_TRUE(has(refusal([&] {
                    batch({"train_batch_size=13", "train_micro_batch_size_per_gpu=3"});
                  }),
                  "train_batch_size 13"));
}

TEST(RunConfig, PaddedVocabularyAndMlpWidths) {
  RunConfig::Shape s;
  EXPECT_EQ(padded_vocabulary(s, 50277), 50304);
  s.model_parallel = 2;
  EXPECT_EQ(padded_vocabulary(s, 50277), 50432);
  s.model_parallel = 4;
  EXPECT_EQ(padded_vocabulary(s, 50277), 50688);
  s.mlp_type = "gated";
  s.mlp_multiple = 256;
  for (auto [hidden, width] : {std::pair{2560, 6912}, {4096, 11008}, {2048, 5632}, {5120, 13824}}) {
    s.hidden = hidden;
    EXPECT_EQ(mlp_width(s), width);
  }
}

TEST(RunConfig, WhatIsDoneInsteadIsSaid) {
  auto notes = [](const char* override) {
    std::string all;
    for (const std::string& note : tiny_config({override}).notes) all += note + "\n";
    return all;
  };
  EXPECT_EQ(notes("precision=bfloat16"), "");
  EXPECT_TRUE(has(notes("rotary_scaling_factor=2"), "10B tokens"));
  EXPECT_TRUE(has(notes("use_wandb=true"), "metrics.jsonl"));
  EXPECT_EQ(notes("use_wandb=false"), "");
  EXPECT_TRUE(has(refused("attention_dropout: 1"), "below 1"));
  EXPECT_TRUE(has(refused("hidden_dropout: 1"), "below 1"));
  EXPECT_TRUE(has(refused("fp16: {enabled: true, hysteresis: 0}"), "hysteresis"));
  EXPECT_TRUE(has(refused("curriculum_learning: {enabled: true}"), "min_difficulty"));
  EXPECT_TRUE(has(refused("precision: fp16\nbf16: {enabled: true}"), "bfloat16 is enabled"));
  EXPECT_TRUE(has(refused("attention_config: [[[\"sparse\"], 2]]"), "sparse"));
  EXPECT_TRUE(has(refused("attention_config: [[[\"flash\"], 3]]"), "attention_config"));
}

TEST(RunConfig, PrecisionIsOneOfThreeTypes) {
  EXPECT_EQ(tiny_config().working_type(), DType::kF32);
  EXPECT_EQ(tiny_config({"bf16.enabled=true"}).working_type(), DType::kBF16);
  EXPECT_EQ(tiny_config({"precision=fp16"}).working_type(), DType::kF16);
  EXPECT_EQ(tiny_config({"fp16.min_loss_scale=1e-10"}).loss_scaler.least, 1e-10);
}

TEST(RunConfig, AScaledRotationIsPartOfTheModel) {
  RunConfig config = tiny_config({"rotary_scaling_factor=2"});
  std::vector<std::string> notes;
  ModelConfig model = model_for_training(config.shape, 30, {}, notes);
  EXPECT_EQ(model.spec.rope.scale, 2);
  EXPECT_EQ(model.config["rope_scaling"]["type"], "linear");
}

TEST(RunConfig, TheTableInTheManualIsTheOneInTheProgram) {
  std::string manual = read_file(testing::source_dir() / "docs" / "config-keys.md");
  EXPECT_TRUE(has(manual, list_config_keys()))
      << "put the output of `stablelm pretrain --list-keys` into docs/config-keys.md";
}

TEST(RunConfig, EveryKeyHasOneRow) {
  std::set<std::string_view> names;
  for (const ConfigKey& key : config_keys()) {
    EXPECT_TRUE(names.insert(key.name).second) << key.name;
    EXPECT_FALSE(key.help.empty()) << key.name;
  }
}

}  // namespace
}  // namespace slm
