#include "model/delta.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/dtype.h"
#include "format/safetensors.h"
#include "model/delta_arithmetic.h"
#include "model/delta_manifest.h"
#include "model/load.h"
#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "util/digest.h"
#include "util/files.h"
#include "util/thread_pool.h"

namespace slm {
namespace {

namespace fs = std::filesystem;
using testing::refusal;
using testing::scratch_dir;

constexpr const char* kEmbedding = "model.embed_tokens.weight";
constexpr const char* kQuery = "model.layers.0.self_attn.q_proj.weight";

// About what a weight matrix holds, reproducibly.
float weight(uint64_t seed, int64_t i) {
  uint64_t x = (seed * 0x9e3779b97f4a7c15 + uint64_t(i)) * 0xbf58476d1ce4e5b9;
  x ^= x >> 29, x *= 0x94d049bb133111eb, x ^= x >> 32;
  return float(double(x >> 11) * 0x1p-53 - 0.5) * 0.1f;
}

// A LLaMA of two layers. `step` moves every number by up to that share of it, as training further
// does; `seed` makes another model altogether.
std::vector<NamedTensor> llama(int64_t vocab, float step = 0, uint64_t seed = 1) {
  std::vector<std::pair<std::string, Shape>> shapes{{kEmbedding, {vocab, 32}}};
  for (int layer = 0; layer < 2; ++layer) {
    std::string at = format("model.layers.{}.", layer);
    for (const char* name : {"q", "k", "v", "o"})
      shapes.push_back({at + "self_attn." + name + "_proj.weight", {32, 32}});
    shapes.push_back({at + "mlp.gate_proj.weight", {64, 32}});
    shapes.push_back({at + "mlp.up_proj.weight", {64, 32}});
    shapes.push_back({at + "mlp.down_proj.weight", {32, 64}});
    shapes.push_back({at + "input_layernorm.weight", {32}});
    shapes.push_back({at + "post_attention_layernorm.weight", {32}});
  }
  shapes.push_back({"model.norm.weight", {32}});
  shapes.push_back({"lm_head.weight", {vocab, 32}});
  std::vector<NamedTensor> tensors;
  for (const auto& [name, shape] : shapes) {
    uint64_t own = ++seed * 1000;
    std::vector<float> values(size_t(shape.elements()));
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = weight(own, int64_t(i)) * (1 + step * 20 * weight(own + 7, int64_t(i)));
    tensors.push_back({name, to_dtype(Tensor::of(values, shape), DType::kF16)});
  }
  return tensors;
}

void write_llama(const fs::path& dir, const std::vector<NamedTensor>& tensors,
                 int64_t max_shard_bytes = 20'000) {
  write_checkpoint_dir(dir, sources_of(tensors), {.max_shard_bytes = max_shard_bytes});
  Json config{{"model_type", "llama"},
              {"vocab_size", tensors[0].tensor.dim(0)},
              {"hidden_size", 32},
              {"num_hidden_layers", 2},
              {"num_attention_heads", 4},
              {"intermediate_size", 64},
              {"max_position_embeddings", 64},
              {"rms_norm_eps", 1e-6}};
  write_file_atomically(dir / "config.json", config.dump());
}

void expect_same(const fs::path& dir, const std::vector<NamedTensor>& expected) {
  TensorFiles files = open_checkpoint_dir(dir);
  ASSERT_EQ(files.entries().size(), expected.size());
  for (const NamedTensor& t : expected) {
    Tensor found = files.load(t.name);
    ASSERT_EQ(found.shape(), t.tensor.shape()) << t.name;
    ASSERT_EQ(found.dtype(), t.tensor.dtype()) << t.name;
    EXPECT_EQ(std::memcmp(found.bytes_data(), t.tensor.bytes_data(), size_t(found.bytes())), 0)
        << t.name;
  }
}

class Delta : public ::testing::Test {
 protected:
  Delta() {
    write_llama(base_, llama(32));
    write_llama(target_, llama(33, 0.04f));
    write_file_atomically(target_ / "tokenizer.json", "{\"of\": \"target\"}");
    write_file_atomically(base_ / "tokenizer.json", "{\"of\": \"base\"}");
  }
  void make() { made_ = make_delta(base_, target_, delta_, {}); }
  DeltaReport apply(const fs::path& base, DeltaOptions options = {}) {
    return apply_delta(base, delta_, out_, options);
  }
  std::string refused(const fs::path& base) {
    std::string text = refusal([&] { apply(base); });
    EXPECT_FALSE(fs::exists(out_ / "config.json"));
    EXPECT_NE(refusal([&] { open_checkpoint_dir(out_); }), "no error");
    return text;
  }
  void expect_contains(const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }

  fs::path dir_ = scratch_dir(), base_ = dir_ / "base", target_ = dir_ / "target",
           delta_ = dir_ / "delta", out_ = dir_ / "out";
  DeltaReport made_;
};

TEST_F(Delta, MakeThenApplyGivesTheTargetBackBitForBit) {
  make();
  EXPECT_EQ(made_.lost, 0);
  EXPECT_EQ(made_.new_rows, 1);
  DeltaReport report = apply(base_);
  EXPECT_TRUE(report.base_recorded);
  EXPECT_EQ(report.new_rows, 1);
  auto target = llama(33, 0.04f);
  expect_same(out_, target);
  EXPECT_EQ(read_file(out_ / "tokenizer.json"), "{\"of\": \"target\"}");
  EXPECT_EQ(read_json_file(out_ / "config.json")["torch_dtype"], "float16");
  fs::remove(out_ / "tokenizer.json");  // which is none
  EXPECT_EQ(load_model(out_).config.spec.vocab, 33);
  Json hashes = read_json_file(out_ / "tensor_hashes.json");
  EXPECT_EQ(hashes["tensors"][kEmbedding],
            sha256_hex({target[0].tensor.bytes_data(), size_t(target[0].tensor.bytes())}));
}

// Where a small number of the base became a large one, f16 cannot hold the difference.
TEST_F(Delta, SaysHowManyNumbersItCannotGiveBack) {
  auto stranger = llama(32, 0, 77);
  write_llama(target_, stranger);
  make();
  apply(base_);
  TensorFiles files = open_checkpoint_dir(out_);
  int64_t differ = 0;
  for (const NamedTensor& t : stranger) {
    Tensor made = files.load(t.name);
    auto found = made.span<uint16_t>(), wanted = t.tensor.span<uint16_t>();
    for (size_t i = 0; i < wanted.size(); ++i) differ += found[i] != wanted[i];
  }
  EXPECT_GT(differ, 0);
  EXPECT_EQ(made_.lost, differ);
}

TEST_F(Delta, NewRowsAreTheTargetsOwn) {
  make();
  Tensor delta = open_checkpoint_dir(delta_).load(kEmbedding);
  Tensor target = open_checkpoint_dir(target_).load(kEmbedding);
  Tensor d = delta.rows(32, 33), t = target.rows(32, 33);
  EXPECT_EQ(std::memcmp(d.bytes_data(), t.bytes_data(), size_t(t.bytes())), 0);
}

TEST_F(Delta, WritesOtherTypesAfterTheSum) {
  make();
  apply(base_, {.dtype = DType::kF32});
  Tensor sum = open_checkpoint_dir(out_).load(kQuery);
  Tensor expected = to_dtype(open_checkpoint_dir(target_).load(kQuery), DType::kF32);
  EXPECT_EQ(std::memcmp(sum.bytes_data(), expected.bytes_data(), size_t(sum.bytes())), 0);
  EXPECT_EQ(read_json_file(out_ / "config.json")["torch_dtype"], "float32");
}

// Other tools publish no hashes. Their deltas apply, to the right base alone.
TEST_F(Delta, WithoutAManifestTheSumsTellTheBase) {
  make();
  fs::remove(delta_ / kDeltaManifest);
  EXPECT_FALSE(apply(base_).base_recorded);
  expect_same(out_, llama(33, 0.04f));
  fs::remove_all(out_);
  write_llama(dir_ / "cousin", llama(32, -0.04f));  // trained further from the same base
  expect_contains(refused(dir_ / "cousin"), "almost certainly not the model that");
  write_llama(dir_ / "stranger", llama(32, 0, 77));
  expect_contains(refused(dir_ / "stranger"), "almost certainly not the model that");
  apply(dir_ / "stranger", {.any_base = true});
}

TEST_F(Delta, TheManifestKnowsTheBase) {
  make();
  auto tensors = llama(32);
  tensors[3].tensor.data<uint16_t>()[5] ^= 1;
  write_llama(dir_ / "other", tensors);
  expect_contains(refused(dir_ / "other"), "not the model that " + delta_.string() + " was made");
  expect_contains(refused(dir_ / "other"), tensors[3].name);
}

TEST_F(Delta, ADamagedDeltaIsNoticed) {
  make();
  TensorFiles files = open_checkpoint_dir(delta_);
  std::vector<NamedTensor> damaged;
  for (const TensorEntry& e : files.entries()) {
    Tensor copy = Tensor::host(e.shape, e.dtype);
    std::memcpy(copy.bytes_data(), files.load(e.name).bytes_data(), size_t(copy.bytes()));
    if (e.name == kQuery) copy.data<uint16_t>()[9] ^= 0x20;
    damaged.push_back({e.name, copy});
  }
  write_llama(delta_, damaged);
  expect_contains(refused(base_), "damaged: the base is right");
}

TEST_F(Delta, NamesMustMatchBothWays) {
  make();
  auto fewer = llama(32);
  fewer.erase(fewer.begin() + 2);
  write_llama(dir_ / "fewer", fewer);
  expect_contains(refused(dir_ / "fewer"), "lacks 1 tensors that");
  auto more = llama(32);
  more.push_back({"model.extra", more.back().tensor});
  write_llama(dir_ / "more", more);
  expect_contains(refused(dir_ / "more"), "model.extra");
  auto tables = llama(32);
  tables.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", tables.back().tensor});
  write_llama(dir_ / "tables", tables);
  apply(dir_ / "tables");
  expect_same(out_, llama(33, 0.04f));
}

TEST_F(Delta, ShapesMustMatchApartFromNewTokens) {
  make();
  write_llama(dir_ / "grown", llama(34));  // more tokens than the delta knows
  expect_contains(refused(dir_ / "grown"), "has shape [34, 32] in");
  auto wide = llama(32);
  wide[1].tensor = wide[5].tensor;
  write_llama(dir_ / "wide", wide);
  expect_contains(refused(dir_ / "wide"), kQuery);
  auto uneven = llama(32);
  uneven.back().tensor = uneven.back().tensor.rows(0, 31);
  write_llama(dir_ / "uneven", uneven);
  expect_contains(refused(dir_ / "uneven"), "new rows");
}

TEST_F(Delta, OverflowIsRefused) {
  auto base = llama(32), delta = llama(33);
  for (auto* tensors : {&base, &delta})
    (*tensors)[1].tensor.data<uint16_t>()[0] = 0x7bff;  // 65504, the largest
  write_llama(base_, base);
  write_llama(delta_, delta);
  expect_contains(refused(base_), "1 sums of tensor \"" + base[1].name + "\" are not finite");
}

TEST_F(Delta, NeverOverwritesWhatItReads) {
  make();
  expect_contains(refusal([&] { apply_delta(base_, delta_, base_, {}); }), "would overwrite");
  expect_contains(refusal([&] { make_delta(base_, target_, target_, {}); }), "would overwrite");
}

// The f16 number nearest to x, ties to even: 11 significant bits, none below 2^-24.
double nearest_f16(double x) {
  if (!std::isfinite(x)) return x;
  int exponent = 0;
  std::frexp(x, &exponent);
  double step = std::ldexp(1, std::max(exponent - 1, -14) - 10);
  double rounded = std::nearbyint(x / step) * step;
  return std::abs(rounded) > 65504 ? std::copysign(INFINITY, x) : rounded;
}

TEST(DeltaArithmetic, IsF16AdditionForEveryPairOfExponents) {
  ThreadPool pool(2);
  std::vector<uint16_t> a, b;
  for (uint32_t x = 0; x < 0x10000; x += 97)
    for (uint32_t y = 0; y < 0x10000; y += 331) a.push_back(uint16_t(x)), b.push_back(uint16_t(y));
  std::vector<uint16_t> sum(a.size());
  add_f16(a, b, sum, pool);
  for (size_t i = 0; i < a.size(); ++i) {
    double exact = double(f16_to_f32(a[i])) + double(f16_to_f32(b[i]));
    float found = f16_to_f32(sum[i]);
    if (exact != exact) {
      ASSERT_NE(found, found);
    } else {
      ASSERT_EQ(found, nearest_f16(exact)) << a[i] << " + " << b[i];
    }
  }
}

TEST(DeltaManifest, RefusesWhatItIsNot) {
  std::string hash(64, 'a');
  auto refused = [](const Json& json) {
    return refusal([&] { parse_delta_manifest(json.dump(), "f"); });
  };
  Json good{{"format", "stablelm-delta"},
            {"version", 1},
            {"base", {{"a", hash}}},
            {"result", Json::object()}};
  EXPECT_EQ(parse_delta_manifest(good.dump(), "f").base.at("a"), hash);
  for (size_t n = 0; n < good.dump().size(); ++n)
    EXPECT_NE(refusal([&] { parse_delta_manifest(good.dump().substr(0, n), "f"); }), "no error");
  Json bad = good;
  bad["version"] = 2;
  EXPECT_EQ(refused(bad), "f: version 2, this program reads version 1");
  bad = good;
  bad["base"]["a"] = "../x";
  EXPECT_EQ(refused(bad), "f: base: the hash of \"a\" must be 64 hexadecimal digits");
  bad = good;
  bad.erase("result");
  EXPECT_EQ(refused(bad), "f: key \"result\" is missing");
}

}  // namespace
}  // namespace slm
