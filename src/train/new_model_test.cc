#include "train/new_model.h"

#include <gtest/gtest.h>

#include "core/quantize.h"
#include "model/tiny_spec.h"
#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "train/initialize.h"

namespace slm {
namespace {

NewModel tiny(int64_t vocab = 40) {
  DecoderSpec spec = testing::tiny_spec(vocab, 64);
  spec.rope.dims = 8;
  return {.config = new_model_config("stablelm", spec), .seed = 3};
}

void write(const std::filesystem::path& target, const NewModel& model, const std::string& type,
           int threads = 2) {
  ThreadPool pool(threads);
  write_new_model(target, model, type, pool, {});
}

TEST(NewModel, ADirectoryHoldsTheInitialParameters) {
  std::filesystem::path dir = testing::scratch_dir();
  NewModel model = tiny();
  Parameters expected = initial_parameters(model.config.spec, model.init, 3);
  for (std::string type : {"f32", "bf16"}) {
    write(dir / type, model, type);
    Model loaded = load_model(dir / type);
    EXPECT_EQ(loaded.config.spec, model.config.spec);
    for (const Parameter& p : expected.items()) {
      Tensor rounded = to_dtype(to_dtype(p.value, *dtype_from_name(type)), DType::kF32);
      Tensor found = to_dtype(loaded.parameters.at(p.spec.name), DType::kF32);
      EXPECT_TRUE(std::ranges::equal(found.span<const float>(), rounded.span<const float>()))
          << p.spec.name << " in " << type;
    }
  }
}

TEST(NewModel, AFileHoldsThemInBlocks) {
  std::filesystem::path dir = testing::scratch_dir();
  NewModel model = tiny();
  Parameters expected = initial_parameters(model.config.spec, model.init, 3);
  for (std::string type : {"q8_0", "q4_0", "f16"}) {
    std::filesystem::path file = dir / (type + ".gguf");
    write(file, model, type);
    Model loaded = load_model(file);
    Tensor found = loaded.parameters.at("blocks.1.mlp.up.weight");
    EXPECT_EQ(traits(found.dtype()).name, type);
    Tensor rounded = to_dtype(expected.at("blocks.1.mlp.up.weight"), found.dtype());
    EXPECT_TRUE(
        std::equal(found.bytes_data(), found.bytes_data() + found.bytes(), rounded.bytes_data()))
        << type;
  }
}

TEST(NewModel, RefusesWhatCannotBe) {
  std::filesystem::path dir = testing::scratch_dir();
  EXPECT_NE(testing::refusal([&] { write(dir / "a", tiny(), "q8_0"); }).find(".gguf"),
            std::string::npos);
  EXPECT_NE(testing::refusal([&] { write(dir / "a.gguf", tiny(), "q9"); }).find("q4_k_m"),
            std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(dir / "a"));
}

TEST(NewModel, TheRangeIsTheConfigs) {
  NewModel model = tiny();
  model.config.config["initializer_range"] = 0.125;
  EXPECT_EQ(init_of(model.config).std, 0.125);
}

}  // namespace
}  // namespace slm
