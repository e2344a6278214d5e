#include "model/quantization/quantize_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "backend/backend.h"
#include "format/gguf.h"
#include "model/quantization/importance.h"
#include "model/tiny_spec.h"
#include "support/process.h"
#include "support/refusal.h"
#include "util/files.h"
#include "util/rng.h"

namespace slm::testing {
namespace {

namespace fs = std::filesystem;

// A model with rows that blocks of 256 fit, saved in f32: normal numbers, norms near one.
void save_random_model(const fs::path& directory, bool tied_head = false) {
  DecoderSpec spec = tiny_spec(40, 256);
  spec.mlp_width = 256;
  spec.layers = 3;
  spec.tied_head = tied_head;
  Rng rng(hash_name("weights"));
  Parameters parameters;
  for (const ParameterSpec& p : parameter_specs(spec)) {
    Tensor value = Tensor::host(p.shape, DType::kF32);
    bool gain = p.role == ParameterRole::kNormWeight;
    for (float& x : value.span<float>()) x = (gain ? 1.0f : 0.0f) + 0.05f * float(rng.normal());
    parameters.add(p, value);
  }
  save_model(directory, new_model_config("stablelm", spec), parameters);
}

class QuantizeModel : public ::testing::Test {
 protected:
  QuantizedSizes quantize(const std::string& mix, const fs::path& target, int threads = 2,
                          std::vector<std::vector<float>> importance = {}) {
    Checkpoint source(directory_.path());
    ThreadPool pool(threads);
    return quantize_model(source, target,
                          {.mix = quantization_mix(mix),
                           .pool = pool,
                           .importance = std::move(importance),
                           .progress = [this](int64_t done, int64_t total) {
                             EXPECT_LE(done, total);
                             done_ = double(done) / double(total);
                           }});
  }
  fs::path target() const { return directory_.path() / "out" / "model.gguf"; }

  std::vector<float> logits(const fs::path& path) {
    Model model = load_model(path);
    // what the weights lose, and not the activations
    auto backend = make_cpu_backend({.threads = 2, .isa = {}, .exact = true});
    Context cx{*backend};
    std::vector<int32_t> ids{1, 5, 2, 9, 0, 18, 3};
    Decoder decoder = model.decoder();
    Tensor y = decoder.logits(cx, decoder.hidden(cx, TokenBatch::pack({&ids, 1})));
    return {y.data<float>(), y.data<float>() + y.elements()};
  }
  // Of the logits, as a part of their size.
  double error_of(const fs::path& path) {
    auto exact = logits(directory_.path()), close = logits(path);
    double error = 0, size = 0;
    for (size_t i = 0; i < exact.size(); ++i) {
      error += std::pow(double(exact[i]) - double(close[i]), 2);
      size += std::pow(double(exact[i]), 2);
    }
    return std::sqrt(error / size);
  }

  TemporaryDirectory directory_;
  double done_ = 0;
};

TEST_F(QuantizeModel, GivesEveryTensorTheFormatOfTheMix) {
  save_random_model(directory_.path());
  QuantizedSizes sizes = quantize("q4_k_m", target());
  EXPECT_EQ(done_, 1);
  GgufFile file = open_gguf(target());
  EXPECT_EQ(file.metadata.integer("general.file_type"), 15);
  EXPECT_EQ(file.metadata.integer("general.quantization_version"), 2);
  auto type = [&](const std::string& name) { return file.tensors.find(name)->dtype; };
  EXPECT_EQ(type("output.weight"), DType::kQ6_K);
  EXPECT_EQ(type("token_embd.weight"), DType::kQ4_K);
  EXPECT_EQ(type("blk.0.attn_v.weight"), DType::kQ4_K);
  EXPECT_EQ(type("blk.2.attn_v.weight"), DType::kQ6_K);
  EXPECT_EQ(type("blk.2.ffn_down.weight"), DType::kQ6_K);
  EXPECT_EQ(type("blk.1.attn_norm.weight"), DType::kF32);
  EXPECT_EQ(sizes.tensors[DType::kQ6_K], 3);
  EXPECT_EQ(sizes.stored_bytes, 4 * sizes.numbers);
  EXPECT_EQ(sizes.file_bytes, int64_t(fs::file_size(target())));
}

TEST_F(QuantizeModel, RunsAndMoreBitsAreCloser) {
  save_random_model(directory_.path());
  double last = 0.5;  // a model of random numbers says something else altogether: about 1.4
  for (const char* mix : {"q4_0", "q4_k_m", "q5_k_m", "q6_k", "q8_0"}) {
    quantize(mix, target());
    double error = error_of(target());
    EXPECT_LT(error, last) << mix;
    last = error;
  }
  EXPECT_LT(last, 0.02);
}

TEST_F(QuantizeModel, DoesNotDependOnThreads) {
  save_random_model(directory_.path(), true);
  quantize("q4_k_s", target(), 1);
  std::string one = read_file(target());
  quantize("q4_k_s", target(), 3);
  EXPECT_EQ(read_file(target()), one);
  EXPECT_EQ(open_gguf(target()).tensors.find("token_embd.weight")->dtype, DType::kQ6_K);  // tied
}

TEST_F(QuantizeModel, ImportanceOfTheParametersReachesTheEncoder) {
  save_random_model(directory_.path());
  quantize("q4_k_m", target());
  std::string plain = read_file(target());
  std::vector<std::vector<float>> importance(Checkpoint(directory_.path()).parameters().size());
  quantize("q4_k_m", target(), 2, importance);
  EXPECT_EQ(read_file(target()), plain);  // nothing is known

  Model model = load_model(directory_.path());
  InputStatistics statistics(model.parameters);
  auto backend = make_cpu_backend({.threads = 2});
  std::vector<int32_t> ids{1, 5, 2, 9, 0, 18, 3};
  collect_statistics(*backend, model.decoder(), ids, statistics);
  for (size_t p = 0; p < importance.size(); ++p) importance[p] = statistics.mean_squares(p);
  double before = error_of(target());
  quantize("q4_k_m", target(), 2, importance);
  EXPECT_LT(error_of(target()), before);
}

TEST_F(QuantizeModel, WeightsThatAreNotFiniteLeaveNoFile) {
  save_random_model(directory_.path());
  Model model = load_model(directory_.path(), {.dtype = DType::kF32});
  Parameters broken;
  for (const Parameter& p : model.parameters.items()) {
    Tensor value = Tensor::host(p.spec.shape, DType::kF32);
    std::copy_n(p.value.data<float>(), value.elements(), value.data<float>());
    if (p.spec.name == "blocks.1.mlp.up.weight") value.data<float>()[5] = std::nanf("");
    broken.add(p.spec, value);
  }
  save_model(directory_.path(), model.config, broken);
  try {
    quantize("q4_k_m", target());
    FAIL() << "took a NaN";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("blocks.1.mlp.up.weight"), std::string::npos)
        << error.what();
  }
  EXPECT_FALSE(fs::exists(target()));
}

}  // namespace
}  // namespace slm::testing
