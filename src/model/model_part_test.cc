#include "model/model_part.h"

#include <gtest/gtest.h>

#include "model/decoder.h"
#include "model/tiny_spec.h"
#include "support/refusal.h"

namespace slm {
namespace {

using testing::refusal;

DecoderSpec spec_with_everything() {
  DecoderSpec spec = testing::tiny_spec(20, 16);
  spec.heads = 4;
  spec.kv_heads = 2;
  spec.head_size = 4;
  spec.qk_norm = QkNorm::kPerHead;
  spec.qkv_bias = spec.out_bias = spec.mlp_bias = true;
  return spec;
}

// Parameter p has p, p + 0.25, … as far as its numbers go.
Parameters numbered(const DecoderSpec& spec) {
  Parameters parameters;
  float first = 0;
  for (const ParameterSpec& p : parameter_specs(spec)) {
    Tensor value = Tensor::host(p.shape, DType::kF32);
    for (int64_t i = 0; i < value.elements(); ++i) value.data<float>()[i] = first + float(i) / 4;
    parameters.add(p, value);
    first += 1000;
  }
  return parameters;
}

std::vector<float> numbers(const Tensor& t) {
  return {t.data<float>(), t.data<float>() + t.elements()};
}

TEST(ModelPart, OnePartIsTheWhole) {
  Parameters whole = numbered(spec_with_everything());
  ModelPart mine(spec_with_everything());
  EXPECT_EQ(mine.spec(), spec_with_everything());
  Parameters part = mine.take(whole);
  ASSERT_EQ(part.items().size(), whole.items().size());
  for (size_t i = 0; i < part.items().size(); ++i)
    EXPECT_EQ(part.items()[i].value.storage(), whole.items()[i].value.storage());
}

TEST(ModelPart, CutsHeadsAndChannels) {
  Parameters whole = numbered(spec_with_everything());
  ModelPart first(spec_with_everything(), 0, 2), second(spec_with_everything(), 1, 2);
  EXPECT_EQ(second.spec().heads, 2);
  EXPECT_EQ(second.spec().kv_heads, 1);
  EXPECT_EQ(second.spec().mlp_width, 12);
  Parameters a = first.take(whole), b = second.take(whole);
  const Tensor& q = whole.at("blocks.1.attn.q.weight");
  EXPECT_EQ(numbers(b.at("blocks.1.attn.q.weight")), numbers(q.rows(8, 16)));
  EXPECT_EQ(numbers(b.at("blocks.1.attn.k.bias")),
            numbers(whole.at("blocks.1.attn.k.bias").rows(4, 8)));
  EXPECT_EQ(numbers(b.at("blocks.1.attn.q_norm.weight")),
            numbers(whole.at("blocks.1.attn.q_norm.weight").rows(2, 4)));
  const Tensor& down = whole.at("blocks.0.mlp.down.weight");  // [16, 24]
  for (int64_t r = 0; r < 16; ++r) {
    EXPECT_EQ(numbers(a.at("blocks.0.mlp.down.weight").rows(r, r + 1)),
              numbers(down.slice(24 * r, 24 * r + 12)));
    EXPECT_EQ(numbers(b.at("blocks.0.mlp.down.weight").rows(r, r + 1)),
              numbers(down.slice(24 * r + 12, 24 * r + 24)));
  }
  EXPECT_EQ(numbers(b.at("blocks.0.norm1.weight")), numbers(whole.at("blocks.0.norm1.weight")));
  EXPECT_EQ(numbers(a.at("blocks.0.attn.out.bias")), numbers(whole.at("blocks.0.attn.out.bias")));
  EXPECT_FALSE(b.find("blocks.0.attn.out.bias"));
  EXPECT_FALSE(b.find("blocks.0.mlp.down.bias"));
  EXPECT_TRUE(b.find("blocks.0.mlp.up.bias"));
}

TEST(ModelPart, PartsMakeTheWholeAgain) {
  Parameters whole = numbered(spec_with_everything());
  for (DType type : {DType::kF32, DType::kBF16}) {
    std::vector<Tensor> rebuilt;
    for (const Parameter& p : whole.items())
      rebuilt.push_back(to_dtype(
          Tensor::of(std::vector<float>(size_t(p.value.elements()), -1), p.spec.shape), type));
    for (int64_t part : {1, 0}) {
      ModelPart mine(spec_with_everything(), part, 2);
      for (size_t i = 0; i < mine.parameters().size(); ++i) {
        size_t at = 0;
        while (whole.items()[at].spec.name != mine.parameters()[i].spec.name) ++at;
        Tensor value = to_dtype(whole.items()[at].value, type);
        mine.put(i, mine.take(i, value), rebuilt[at]);
      }
    }
    for (size_t i = 0; i < rebuilt.size(); ++i)
      EXPECT_EQ(numbers(to_dtype(rebuilt[i], DType::kF32)),
                numbers(to_dtype(to_dtype(whole.items()[i].value, type), DType::kF32)))
          << whole.items()[i].spec.name;
  }
}

TEST(ModelPart, RefusesWhatDoesNotDivide) {
  DecoderSpec spec = spec_with_everything();
  EXPECT_NE(refusal([&] { ModelPart(spec, 0, 3); }).find("4 heads do not divide into 3"),
            std::string::npos);
  EXPECT_NE(refusal([&] { ModelPart(spec, 0, 4); }).find("2 kv heads do not divide into 4"),
            std::string::npos);
  spec.mlp_width = 21;
  EXPECT_NE(refusal([&] { ModelPart(spec, 0, 2); }).find("21 MLP channels"), std::string::npos);
  EXPECT_NE(refusal([&] { ModelPart(spec, 2, 2); }).find("part 2 of 2"), std::string::npos);
}

TEST(ModelPart, APartNeedsASum) {
  ModelPart mine(spec_with_everything(), 1, 2);
  Parameters part = mine.take(numbered(spec_with_everything()));
  EXPECT_NE(refusal([&] { Decoder(mine.spec(), part); }).find("2 parts without a sum"),
            std::string::npos);
}

}  // namespace
}  // namespace slm
