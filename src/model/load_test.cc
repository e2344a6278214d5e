#include "model/load.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <tuple>

#include "format/tensor_files.h"
#include "model/golden_models.h"
#include "model/model_fixtures.h"
#include "support/process.h"
#include "support/test_data.h"
#include "util/files.h"

namespace slm::testing {
namespace {

namespace fs = std::filesystem;

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         std::memcmp(a.bytes_data(), b.bytes_data(), size_t(a.bytes())) == 0;
}

bool is_buffer(const std::string& name) {
  return name.ends_with(".attention.bias") || name.ends_with(".attention.masked_bias") ||
         name.ends_with(".rotary_emb.inv_freq") || name.ends_with(".relative_pe.slopes");
}

// Every tensor of `before`, buffers apart, is in `after`, bit by bit, and nothing else is.
void expect_same_files(const fs::path& before, const fs::path& after) {
  TensorFiles a = open_checkpoint_dir(before), b = open_checkpoint_dir(after);
  size_t parameters = 0;
  for (const TensorEntry& entry : a.entries()) {
    if (is_buffer(entry.name)) continue;
    ++parameters;
    ASSERT_TRUE(b.find(entry.name)) << entry.name;
    EXPECT_TRUE(same_bits(a.load(entry.name), b.load(entry.name))) << entry.name;
  }
  EXPECT_EQ(b.entries().size(), parameters);
}

DType stored_type(const Model& model) { return model.parameters.at("embed.weight").dtype(); }

void expect_round_trip(const fs::path& directory) {
  SCOPED_TRACE(directory.filename());
  TemporaryDirectory saved;
  Model model = load_model(directory);
  save_model(saved.path(), model.config, model.parameters,
             {.dtype = stored_type(model), .max_shard_bytes = 60'000});
  EXPECT_TRUE(fs::exists(saved.path() / "model.safetensors.index.json"));
  expect_same_files(directory, saved.path());
  Json config = read_json_file(directory / "config.json");
  config["torch_dtype"] = stored_type(model) == DType::kBF16  ? "bfloat16"
                          : stored_type(model) == DType::kF16 ? "float16"
                                                              : "float32";
  EXPECT_EQ(read_json_file(saved.path() / "config.json"), config);
  Model again = load_model(saved.path());
  EXPECT_EQ(again.config.spec, model.config.spec);
  EXPECT_EQ(again.stop_ids, model.stop_ids);
}

TEST(RoundTrip, IsBitExactForTheFixturesOfTheProject) {
  EXPECT_GE(project_checkpoints().size(), 18u);
  for (const fs::path& directory : project_checkpoints()) expect_round_trip(directory);
}

TEST(RoundTrip, IsBitExactForEveryOtherFixture) {
  SLM_REQUIRE_EXTERNAL("fixtures");
  EXPECT_GE(external_checkpoints().size(), 8u);
  for (const fs::path& directory : external_checkpoints()) expect_round_trip(directory);
}

// The file that is mapped at an address, empty when none is.
std::string mapped_at(const void* address) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    unsigned long long begin = 0, end = 0;
    std::sscanf(line.c_str(), "%llx-%llx", &begin, &end);
    auto at = reinterpret_cast<uintptr_t>(address);
    if (begin <= at && at < end) return line.substr(std::min(line.size(), line.find('/')));
  }
  return {};
}

TEST(Load, KeepsWholeMatricesInTheMappedFile) {
  Model model = load_model(fixture("stablelm-3b-bf16"));
  EXPECT_EQ(stored_type(model), DType::kBF16);
  EXPECT_EQ(model.parameters.at("final_norm.weight").dtype(), DType::kF32);
  Tensor q = model.parameters.at("blocks.0.attn.q.weight");
  EXPECT_TRUE(mapped_at(q.bytes_data()).ends_with("model.safetensors"));
}

TEST(Load, ConvertsWhenAsked) {
  Model model = load_model(fixture("stablelm-3b-bf16"), {.dtype = DType::kF32});
  Model stored = load_model(fixture("stablelm-3b-bf16"));
  EXPECT_EQ(stored_type(model), DType::kF32);
  EXPECT_EQ(model.parameters.at("head.weight").data<float>()[3],
            bf16_to_f32(stored.parameters.at("head.weight").data<uint16_t>()[3]));
  EXPECT_THROW(load_model(fixture("stablelm-3b-bf16"), {.dtype = DType::kI32}), Error);
}

// A checkpoint of one of the golden models, with its tensors changed at will.
class Changed : public ::testing::Test {
 protected:
  void start(std::string_view name) {
    for (const GoldenModel& golden : golden_models())
      if (golden.name == name) write_golden(golden, directory_.path());
    TensorFiles files = open_checkpoint_dir(directory_.path());
    for (const TensorEntry& entry : files.entries())
      tensors_.push_back({entry.name, files.load(entry.name)});
  }
  Tensor remove(const std::string& name) {
    auto it = std::find_if(tensors_.begin(), tensors_.end(),
                           [&](const NamedTensor& t) { return t.name == name; });
    Tensor tensor = it->tensor;
    tensors_.erase(it);
    return tensor;
  }
  void add(const std::string& name, const Tensor& tensor) { tensors_.push_back({name, tensor}); }
  Model load() {
    std::string config = read_file(directory_.path() / "config.json");
    write_checkpoint_dir(directory_.path(), sources_of(tensors_));
    write_file_atomically(directory_.path() / "config.json", config);
    return load_model(directory_.path());
  }
  void expect_error(const std::vector<std::string>& parts) {
    try {
      load();
      FAIL() << "loaded";
    } catch (const Error& e) {
      for (const std::string& part : parts)
        EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    }
  }

  TemporaryDirectory directory_;
  std::vector<NamedTensor> tensors_;
};

Tensor zeros(const Shape& shape, DType dtype = DType::kF32) {
  Tensor t = Tensor::host(shape, dtype);
  std::memset(t.bytes_data(), 0, size_t(t.bytes()));
  return t;
}

TEST_F(Changed, MissingTensorIsNamed) {
  start("gpt_neox parallel");
  remove("gpt_neox.layers.1.attention.query_key_value.bias");
  expect_error({directory_.path().string(), "gpt_neox.layers.1.attention.query_key_value.bias",
                "missing", "[48]"});
}

TEST_F(Changed, UnexpectedTensorIsNamed) {
  start("stablelm");
  add("model.layers.0.self_attn.q_proj.bias", zeros({16}));
  expect_error({directory_.path().string(), "model.layers.0.self_attn.q_proj.bias"});
}

TEST_F(Changed, TensorOfALayerTooManyIsUnexpected) {
  start("llama");
  add("model.layers.2.input_layernorm.weight", zeros({16}));
  expect_error({"model.layers.2.input_layernorm.weight"});
}

TEST_F(Changed, WrongShapeSaysExpectedAndFound) {
  start("stablelm_alpha");
  remove("transformer.layers.0.mlp.gate_proj.weight");
  add("transformer.layers.0.mlp.gate_proj.weight", zeros({32, 16}));
  expect_error({"transformer.layers.0.mlp.gate_proj.weight", "[32, 16]", "[48, 16]"});
}

TEST_F(Changed, IntegersAreNotWeights) {
  start("llama");
  remove("lm_head.weight");
  add("lm_head.weight", zeros({19, 16}, DType::kI32));
  expect_error({"lm_head.weight", "i32"});
}

TEST_F(Changed, BuffersOfOldCheckpointsAreIgnored) {
  start("gpt_neox parallel");
  add("gpt_neox.layers.0.attention.bias", zeros({1, 1, 32, 32}, DType::kBool));
  add("gpt_neox.layers.0.attention.masked_bias", zeros({}));
  add("gpt_neox.layers.0.attention.rotary_emb.inv_freq", zeros({2}));
  EXPECT_NO_THROW(load());
}

TEST_F(Changed, NormBiasesThatAreLeftOutAreZero) {
  start("stablelm");
  remove("model.layers.1.post_attention_layernorm.bias");
  remove("model.norm.bias");
  Model model = load();
  for (const char* name : {"blocks.1.norm2.bias", "final_norm.bias"})
    EXPECT_TRUE(same_bits(model.parameters.at(name), zeros({16})));
}

TEST_F(Changed, StackedHeadNormsAreRead) {
  start("stablelm parallel with qk norm");
  Model separate = load();
  std::string base = "model.layers.0.self_attn.q_layernorm.";
  for (int head = 0; head < 4; ++head) remove(base + format("norms.{}.weight", head));
  add(base + "weight", separate.parameters.at("blocks.0.attn.q_norm.weight"));
  EXPECT_TRUE(same_bits(load().parameters.at("blocks.0.attn.q_norm.weight"),
                        separate.parameters.at("blocks.0.attn.q_norm.weight")));
}

TEST_F(Changed, OneHeadNormMissingIsNamed) {
  start("stablelm parallel with qk norm");
  remove("model.layers.1.self_attn.k_layernorm.norms.1.weight");
  expect_error({"model.layers.1.self_attn.k_layernorm.norms.1.weight", "missing"});
}

TEST_F(Changed, TiedOutputMatrixMayBeThereOrNot) {
  start("llama");
  Json config = read_json_file(directory_.path() / "config.json");
  config["tie_word_embeddings"] = true;
  write_file_atomically(directory_.path() / "config.json", config.dump());
  EXPECT_NO_THROW(load());
  remove("lm_head.weight");
  Model model = load();
  auto backend = make_reference_backend();
  Context cx{*backend};
  EXPECT_EQ(model.decoder().head_weight(cx).storage(),
            model.parameters.at("embed.weight").storage());
}

// A fixture with its tensors renamed, as older checkpoints of the family have them.
Model renamed(const char* name, const std::function<std::string(std::string)>& rename,
              const std::function<void(Json&)>& change_config = {}) {
  TemporaryDirectory directory;
  TensorFiles files = open_checkpoint_dir(fixture(name));
  std::vector<NamedTensor> tensors;
  for (const TensorEntry& entry : files.entries())
    tensors.push_back({rename(entry.name), files.load(entry.name)});
  write_checkpoint_dir(directory.path(), sources_of(tensors));
  Json config = read_json_file(fixture(name) / "config.json");
  if (change_config) change_config(config);
  write_file_atomically(directory.path() / "config.json", config.dump());
  return load_model(directory.path());
}

void expect_same_model(const Model& a, const Model& b) {
  ASSERT_EQ(a.config.spec, b.config.spec);
  for (const Parameter& p : a.parameters.items())
    EXPECT_TRUE(same_bits(p.value, b.parameters.at(p.spec.name))) << p.spec.name;
}

TEST(Load, NamesWithoutTheirPrefix) {
  for (auto [name, prefix] : {std::pair("bloom", "transformer."), std::pair("opt", "model."),
                              std::pair("gpt2", "transformer.")}) {
    SCOPED_TRACE(name);
    auto strip = [prefix = std::string_view(prefix)](std::string tensor) {
      return tensor.starts_with(prefix) ? tensor.substr(prefix.size()) : tensor;
    };
    expect_same_model(renamed(name, strip), load_model(fixture(name)));
  }
}

TEST(RoundTrip, PhiInItsOlderLayouts) {
  Model phi = load_model(fixture("phi"));
  for (auto [type, first, last] :
       {std::tuple("phi-msft", "transformer.h.0.mixer.Wqkv.weight", "lm_head.linear.bias"),
        std::tuple("mixformer-sequential", "layers.1.mixer.Wqkv.weight", "layers.3.linear.bias")}) {
    SCOPED_TRACE(type);
    TemporaryDirectory directory;
    save_model(directory.path(), new_model_config(type, phi.config.spec), phi.parameters);
    TensorFiles files = open_checkpoint_dir(directory.path());
    ASSERT_TRUE(files.find(first) && files.find(last));
    EXPECT_EQ(files.find(first)->shape, (Shape{3 * 48, 48}));
    Tensor fused = files.load(first);
    EXPECT_TRUE(same_bits(fused.rows(48, 96), phi.parameters.at("blocks.0.attn.k.weight")));
    EXPECT_TRUE(same_bits(files.load(last), phi.parameters.at("head.bias")));
    expect_same_model(load_model(directory.path()), phi);
  }
}

TEST(Load, FalconUnderTheNamesOfItsFirstRelease) {
  auto same = [](std::string tensor) { return tensor; };
  Model grouped = renamed("falcon-40b", same, [](Json& c) {
    c["model_type"] = "RefinedWeb";
    c["n_layer"] = c["num_hidden_layers"];
    c["n_head"] = c["num_attention_heads"];
    c["n_head_kv"] = c["num_kv_heads"];
    for (const char* key : {"num_hidden_layers", "num_attention_heads", "num_kv_heads",
                            "new_decoder_architecture", "num_ln_in_parallel_attn"})
      c.erase(key);
  });
  expect_same_model(grouped, load_model(fixture("falcon-40b")));
  Model alibi = renamed("falcon-rw-alibi", same, [](Json& c) {
    c["model_type"] = "RefinedWebModel";
    c.erase("new_decoder_architecture");
  });
  expect_same_model(alibi, load_model(fixture("falcon-rw-alibi")));
}

TEST(Load, SaysWhatADirectoryLacks) {
  TemporaryDirectory directory;
  EXPECT_THROW(load_model(directory.path() / "nowhere"), Error);
  EXPECT_THROW(load_model(directory.path()), Error);
  fs::copy_file(fixture("configs/llama-13b.json"), directory.path() / "config.json");
  EXPECT_NO_THROW(read_model_config(directory.path()));
  EXPECT_THROW(load_model(directory.path()), Error);
}

TEST(Save, CopiesTokenizerFilesOnly) {
  TemporaryDirectory from, to;
  for (const char* name :
       {"tokenizer.json", "tokenizer_config.json", "model.safetensors", "x.tiktoken"})
    write_file_atomically(from.path() / name, name);
  copy_tokenizer_files(from.path(), to.path());
  EXPECT_EQ(read_file(to.path() / "tokenizer.json"), "tokenizer.json");
  EXPECT_TRUE(fs::exists(to.path() / "x.tiktoken"));
  EXPECT_FALSE(fs::exists(to.path() / "model.safetensors"));
}

}  // namespace
}  // namespace slm::testing
