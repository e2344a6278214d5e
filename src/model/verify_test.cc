#include "model/verify.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "model/golden_models.h"
#include "model/model_fixtures.h"
#include "support/op_test.h"
#include "support/process.h"
#include "support/test_data.h"
#include "util/files.h"

namespace slm::testing {
namespace {

namespace fs = std::filesystem;

class Verify : public ::testing::TestWithParam<OpCase> {
 protected:
  void expect_proven(const fs::path& directory, const Placement& placement = {}) {
    SCOPED_TRACE(directory.filename());
    Model model = load_model(directory, {.memory = backend_.get(), .placement = placement});
    auto rows = verify(model, *backend_, directory);
    EXPECT_GE(rows.size(), 10u);
    for (const VerifyRow& row : rows)
      EXPECT_TRUE(row.ok()) << row.name << ": error " << row.error << ", bound " << row.bound;
  }
  // A GPU's kernels on the host take a second or two for each model: there, what differs most.
  bool takes_long() const { return GetParam().backend == "cuda_on_host"; }
  bool is_chosen(const fs::path& directory) const {
    constexpr std::string_view kChosen[] = {"gpt_neox-v1-parallel", "stablelm_alpha-v2", "bloom",
                                            "stablelm-2-12b-qkln-parallel-gqa"};
    return !takes_long() ||
           std::ranges::find(kChosen, directory.filename().string()) != std::end(kChosen);
  }
  std::unique_ptr<Backend> backend_ = GetParam().make(2);
};

TEST_P(Verify, ProvesTheFixturesOfTheProject) {
  for (const fs::path& directory : project_checkpoints())
    if (is_chosen(directory)) expect_proven(directory);
}

TEST_P(Verify, ProvesModelsWhoseFirstLayersTheCpuComputes) {
  std::shared_ptr<Backend> host = make_cpu_backend({.threads = 1, .isa = {}, .exact = true});
  for (const fs::path& directory : project_checkpoints())
    if (is_chosen(directory)) expect_proven(directory, {host, 1});
}

TEST_P(Verify, ProvesEveryOtherFixture) {
  if (takes_long()) GTEST_SKIP() << "kernels run on the host";
  SLM_REQUIRE_EXTERNAL("fixtures");
  for (const fs::path& directory : external_checkpoints()) expect_proven(directory);
}

TEST_P(Verify, SeesOneWeightMoved) {
  if (takes_long()) GTEST_SKIP() << "kernels run on the host";
  fs::path directory = fixture("stablelm-2-12b-qkln-parallel-gqa");
  for (const char* name : {"blocks.1.attn.k_norm.weight", "blocks.0.norm1.bias", "head.weight"}) {
    SCOPED_TRACE(name);
    Model model = load_model(directory, {.dtype = DType::kF32});
    Parameters moved;
    for (const Parameter& p : model.parameters.items()) {
      Tensor copy = Tensor::host(p.value.shape(), DType::kF32);
      std::memcpy(copy.bytes_data(), p.value.bytes_data(), size_t(p.value.bytes()));
      if (p.spec.name == name) copy.data<float>()[1] += 1e-2f;
      moved.add(p.spec, copy);
    }
    model.parameters = moved;
    model.parameters.place(*backend_);
    auto rows = verify(model, *backend_, directory);
    auto missed = [&](std::string_view row) {
      auto it = std::find_if(rows.begin(), rows.end(), [&](auto& r) { return r.name == row; });
      return it != rows.end() && !it->ok();
    };
    EXPECT_TRUE(missed("logits"));
    EXPECT_TRUE(missed("grad.lm_head.weight"));
    EXPECT_TRUE(missed("train_losses.0"));
    EXPECT_TRUE(missed("final.lm_head.weight"));
  }
}

TEST_P(Verify, TrainedModelGivesThePublishedLogitsAndText) {
  SLM_REQUIRE_EXTERNAL("data/checkpoints/stories260K");
  fs::path directory = external_data("data/checkpoints/stories260K");
  Json zoo = read_json_file(directory / "zoo.ids.json");
  std::vector<int32_t> ids = zoo.at("ids").get<std::vector<int32_t>>();
  std::string bytes = read_file(directory / "zoo.logits.f32");
  Model model = load_model(directory / "hf", {.memory = backend_.get()});
  Decoder decoder = model.decoder();
  Context cx{*backend_};
  Tensor logits = decoder.logits(cx, decoder.hidden(cx, TokenBatch::pack({&ids, 1})));
  logits = to_host(*backend_, logits);
  ASSERT_EQ(bytes.size(), size_t(logits.bytes()));
  std::vector<float> expected(size_t(logits.elements()));
  std::memcpy(expected.data(), bytes.data(), bytes.size());
  float largest = 0;
  for (float x : expected) largest = std::max(largest, std::abs(x));
  for (size_t i = 0; i < expected.size(); ++i)
    ASSERT_NEAR(logits.data<float>()[i], expected[i], 64 * 0x1p-23 * largest) << i;
  for (size_t t = zoo.at("n_prompt").get<size_t>(); t < ids.size(); ++t) {
    auto row = logits.rows(int64_t(t) - 1, int64_t(t)).span<float>();
    ASSERT_EQ(std::max_element(row.begin(), row.end()) - row.begin(), ids[t]) << t;
  }
}

TEST(VerifyFiles, RefusesTensorsItCannotCompute) {
  TemporaryDirectory directory;
  Tensor ids = Tensor::of(std::vector<int32_t>{1, 2, 3}, {1, 3});
  write_safetensors(directory.path() / "expected.safetensors",
                    sources_of(std::vector<NamedTensor>{{"input_ids", ids}, {"hidden.7", ids}}));
  write_file_atomically(directory.path() / "expected.json", "{}");
  auto backend = make_reference_backend();
  try {
    verify(load_golden(golden_models()[0]), *backend, directory.path());
    FAIL() << "hidden.7 was accepted";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("hidden.7"), std::string::npos) << e.what();
  }
}

// Sanitized, the reference alone would take two minutes; it is the oracle of the others.
std::vector<OpCase> backends() {
  std::vector<OpCase> all = every_backend();
#ifdef SLM_SANITIZED
  std::erase_if(all, [](const OpCase& c) { return c.backend == "reference"; });
#endif
  return all;
}

INSTANTIATE_TEST_SUITE_P(Backends, Verify, ::testing::ValuesIn(backends()), case_name);

}  // namespace
}  // namespace slm::testing
