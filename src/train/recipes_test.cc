// The recipes that come with the program.
#include <gtest/gtest.h>

#include "support/scratch_dir.h"
#include "support/test_data.h"
#include "train/run_data.h"
#include "train/tiny_run_test.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

TEST(Recipes, EveryConfigurationLoads) {
  int found = 0;
  for (const auto& entry : fs::recursive_directory_iterator(testing::source_dir() / "configs")) {
    if (entry.path().extension() != ".yml") continue;
    RunConfig config = read_run_config({read_config_source(entry.path())});
    EXPECT_GT(config.schedule.train_steps, 0) << entry.path();
    EXPECT_EQ(config.data.train.size(), config.data.train_weights.size()) << entry.path();
    ++found;
  }
  EXPECT_GE(found, 5);
}

// The same run with its data named in every way that the configuration knows.
TEST(RunData, SourcesBySplitByWeightsAndByDocuments) {
  auto dir = testing::scratch_dir();
  auto a = testing::write_tiny_data(dir / "a", 1), b = testing::write_tiny_data(dir / "b", 2);
  std::string paths = "train_data_paths=[\"" + a.string() + "\", \"" + b.string() + "\"]";
  RunDataOptions options{.vocab = 30};

  RunData split = open_run_data(
      testing::tiny_config({"data_path=" + a.string(), "split=\"2, 1, 1\""}), options);
  ASSERT_TRUE(split.valid && split.test);
  EXPECT_EQ(split.train.usage(4)[0].epochs, 4 * 16 / (20 * 50.0));  // 20 of 40 documents
  EXPECT_LT(split.train.origin(0).documents[0], 20);
  EXPECT_GE(split.valid->origin(0).documents[0], 20);
  EXPECT_GE(split.test->origin(0).documents[0], 30);

  RunData equal = open_run_data(testing::tiny_config({paths}), options);
  EXPECT_EQ(equal.train.source_sizes()[1].share, 0.5);
  EXPECT_EQ(equal.train.usage(96)[0].samples, 48);
  RunData one = open_run_data(testing::tiny_config({paths, "train_data_weights=[0, 3]"}), options);
  ASSERT_EQ(one.train.source_sizes().size(), 1u);
  RunData weighed = open_run_data(
      testing::tiny_config({paths, "weight_by_num_documents=true", "weighted_sampler_alpha=0.3"}),
      options);
  EXPECT_NEAR(weighed.train.source_sizes()[0].share, 0.5, 1e-12);

  RunData apart = open_run_data(testing::tiny_config({paths, "epoch_shuffle=per_epoch"}), options);
  EXPECT_EQ(apart.train.size(), equal.train.size());
  EXPECT_THROW(testing::tiny_config({"epoch_shuffle=per_epoc"}), Error);
  EXPECT_THROW(testing::tiny_config({paths, "data_path=" + a.string()}), Error);
}

TEST(RunData, LabelsDecideWhereALossCounts) {
  auto dir = testing::scratch_dir();
  auto tokens = testing::write_tiny_data(dir / "tokens", 1);
  TokenFile file(tokens);
  TokenFileWriter writer(dir / "labels", TokenType::kI32, TokenFileWriter::Content::kLabels);
  for (int64_t d = 0; d < file.documents(); ++d) {
    std::vector<int32_t> ids(size_t(file.length(d)));
    file.read(d, 0, ids);
    for (size_t t = 0; t < ids.size(); ++t)
      if (t % 2 == 0) ids[t] = kNoLabel;
    writer.add(ids);
  }
  writer.commit();
  RunConfig config =
      testing::tiny_config({"train_data_paths=[\"" + tokens.string() + "\"]",
                            "train_label_data_paths=[\"" + (dir / "labels").string() + "\"]"});
  RunData data = open_run_data(config, {.vocab = 30});
  std::vector<int32_t> plain(17), marked(17);
  data.train.sample(3, plain);
  source_of(data.train)(3, marked);
  NextTokenBatch batch = pack_samples(marked, {.seq_length = 16, .has_labels = true});
  EXPECT_GE(batch.counted, 7);
  EXPECT_LE(batch.counted, 9);
  for (size_t t = 0; t < 16; ++t) {
    EXPECT_EQ(batch.tokens.ids.data<int32_t>()[t], plain[t]);
    int32_t target = batch.targets.data<int32_t>()[t];
    EXPECT_EQ(target, marked[t + 1] < 0 ? -1 : plain[t + 1]);
  }
}

}  // namespace
}  // namespace slm
