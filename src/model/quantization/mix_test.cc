#include "model/quantization/mix.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "util/error.h"

namespace slm {
namespace {

DType type_of(std::string_view mix, const std::string& name, int64_t layer, int64_t layers,
              int64_t row = 4096) {
  return type_in_mix(quantization_mix(mix), {name, layer, layers, row});
}

std::set<int64_t> layers_with(DType type, std::string_view mix, const std::string& matrix,
                              int64_t layers) {
  std::set<int64_t> found;
  for (int64_t i = 0; i < layers; ++i)
    if (type_of(mix, "blk." + std::to_string(i) + "." + matrix + ".weight", i, layers) == type)
      found.insert(i);
  return found;
}

TEST(QuantizationMix, MediumMixesChooseLayers) {
  // i < L/8, i >= 7L/8 or (i - L/8) % 3 == 2, counted out by hand
  std::set<int64_t> of_32{0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31};
  std::set<int64_t> of_24{0, 1, 2, 5, 8, 11, 14, 17, 20, 21, 22, 23}, of_6{2, 5};
  for (const char* matrix : {"attn_v", "ffn_down"})
    for (const char* mix : {"q4_k_m", "q5_k_m"}) {
      EXPECT_EQ(layers_with(DType::kQ6_K, mix, matrix, 32), of_32) << matrix << mix;
      EXPECT_EQ(layers_with(DType::kQ6_K, mix, matrix, 24), of_24) << matrix << mix;
      EXPECT_EQ(layers_with(DType::kQ6_K, mix, matrix, 6), of_6) << matrix << mix;
    }
  EXPECT_TRUE(layers_with(DType::kQ6_K, "q4_k_m", "attn_k", 32).empty());
  EXPECT_EQ(layers_with(DType::kQ4_K, "q4_k_m", "ffn_up", 32).size(), 32u);
  EXPECT_EQ(layers_with(DType::kQ5_K, "q5_k_m", "attn_v", 32).size(), 16u);
}

TEST(QuantizationMix, SmallMixWidensTheFirstLayers) {
  EXPECT_EQ(layers_with(DType::kQ5_K, "q4_k_s", "attn_v", 32), (std::set<int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(layers_with(DType::kQ5_K, "q4_k_s", "ffn_down", 40),
            (std::set<int64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(layers_with(DType::kQ4_K, "q4_k_s", "ffn_down", 32).size(), 28u);
  EXPECT_EQ(layers_with(DType::kQ5_K, "q5_k_s", "attn_v", 32).size(), 32u);
}

TEST(QuantizationMix, HeadEmbeddingAndFusedAttention) {
  EXPECT_EQ(type_of("q4_k_m", "output.weight", -1, 32), DType::kQ6_K);
  EXPECT_EQ(type_of("q4_0", "output.weight", -1, 32), DType::kQ6_K);
  EXPECT_EQ(type_of("q8_0", "output.weight", -1, 32), DType::kQ8_0);
  EXPECT_EQ(type_of("q4_k_m", "blk.0.attn_output.weight", 0, 32), DType::kQ4_K);
  EXPECT_EQ(type_of("q4_k_m", "token_embd.weight", -1, 32), DType::kQ4_K);
  EXPECT_EQ(type_in_mix(quantization_mix("q4_k_m"), {"token_embd.weight", -1, 32, 4096, true}),
            DType::kQ6_K);
  EXPECT_EQ(type_of("q4_k_m", "blk.9.attn_qkv.weight", 9, 32), DType::kQ5_K);
  EXPECT_EQ(type_of("q5_k_m", "blk.9.attn_qkv.weight", 9, 32), DType::kQ6_K);
  EXPECT_EQ(type_of("q4_k_s", "blk.9.attn_qkv.weight", 9, 32), DType::kQ4_K);
}

TEST(QuantizationMix, RowsThatBlocksDoNotFit) {
  EXPECT_EQ(type_of("q4_k_m", "blk.0.ffn_up.weight", 0, 32, 4544), DType::kQ5_0);  // Falcon-7B
  EXPECT_EQ(type_of("q5_k_m", "blk.0.ffn_up.weight", 0, 32, 3200), DType::kQ5_1);
  EXPECT_EQ(type_of("q6_k", "blk.0.ffn_up.weight", 0, 32, 8640), DType::kQ8_0);
  EXPECT_EQ(type_of("q4_k_m", "output.weight", -1, 32, 4544), DType::kQ8_0);
  for (const QuantizationMix& mix : quantization_mixes())
    EXPECT_EQ(type_of(mix.name, "blk.0.ffn_down.weight", 0, 32, 6826), DType::kF16) << mix.name;
}

TEST(QuantizationMix, UnknownNamesAreRefusedWithAList) {
  try {
    quantization_mix("q4_k");
    FAIL() << "took q4_k";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("q4_k_s, q4_k_m"), std::string::npos) << error.what();
  }
  try {
    quantization_mix("q4_km");
    FAIL() << "took q4_km";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean q4_k_m"), std::string::npos);
  }
}

TEST(QuantizationMix, NamesInCapitalsAreTheSame) {
  EXPECT_EQ(quantization_mix("Q4_K_M").name, "q4_k_m");
}

}  // namespace
}  // namespace slm
