// Both tables of StableLM's README, rebuilt from the result files published with them.
#include "eval/comparison.h"

#include <gtest/gtest.h>

#include "support/refusal.h"
#include "support/test_data.h"
#include "util/format.h"

namespace slm {
namespace {

using testing::external_data;
using testing::refusal;

struct PublishedRow {
  const char* file;
  const char* figures;  // in the order of the columns, then the average
};

constexpr PublishedRow kFirstTable[] = {
    {"external/meta-llama-Llama-2-13b-hf.json",
     "48.63 79.50 80.52 79.36 76.77 35.40 79.05 94.50 72.22 71.77"},
    {"external/huggyllama-llama-7b.json",
     "41.89 75.25 75.05 76.22 73.55 34.40 78.67 94.60 69.93 68.84"},
    {"external/meta-llama-Llama-2-7b.json",
     "43.00 76.26 77.74 75.94 73.47 31.40 77.75 93.60 69.61 68.75"},
    {"external/Qwen-Qwen-7B.json", "45.39 67.38 74.56 88.85 69.67 32.20 73.99 93.20 65.98 67.91"},
    {"external/tiiuae_falcon-7b.json",
     "40.27 74.41 73.55 76.35 74.56 30.60 79.49 94.00 67.25 67.83"},
    {"external/mosaicml-mpt-7b.json",
     "40.53 74.92 73.94 76.17 68.64 31.40 78.89 93.70 68.03 67.36"},
    {"stablelm-3b-4e1t.json", "37.80 72.47 75.63 73.90 70.64 31.40 79.22 94.80 66.54 66.93"},
    {"external/baichuan-inc_Baichuan2-7B-Base.json",
     "42.24 75.00 73.09 72.29 70.99 30.40 76.17 94.60 67.56 66.93"},
    {"stablelm-base-alpha-7b-v2.json",
     "38.48 73.19 70.31 74.27 74.19 30.40 78.45 93.90 68.82 66.89"},
    {"external/openlm-research-open_llama_7b_v2.json",
     "38.82 71.93 71.41 74.65 71.05 30.20 79.16 93.80 65.82 66.32"},
    {"external/microsoft-phi-1_5.json",
     "44.45 76.14 74.53 62.62 52.75 37.60 76.33 93.20 72.53 65.57"},
    {"external/EleutherAI_gpt-neox-20B.json",
     "37.88 72.90 69.48 71.43 71.98 29.80 77.42 93.10 66.14 65.57"},
    {"external/togethercomputer-RedPajama-INCITE-7B-Base2.json",
     "37.71 72.35 70.76 70.33 71.34 29.00 77.15 92.70 64.33 65.07"},
    {"external/cerebras-btlm-3b-8k-base.json",
     "34.90 70.45 69.63 69.78 66.23 27.60 75.84 92.90 64.96 63.59"},
    {"external/EleutherAI_pythia-12b.json",
     "31.83 70.20 67.31 67.38 70.64 26.40 76.28 90.20 64.01 62.69"},
    {"external/openlm-research-open_llama_3b_v2.json",
     "33.87 67.59 65.69 69.99 66.74 26.00 76.66 92.40 62.90 62.43"},
    {"external/EleutherAI_gpt-j-6B.json",
     "33.96 66.96 65.44 66.24 68.23 29.00 75.57 91.50 64.17 62.34"},
    {"stablelm-base-alpha-3b-v2.json",
     "32.42 67.26 64.56 68.58 70.25 26.40 76.01 92.10 62.12 62.19"},
    {"external/facebook-opt-6.7b.json",
     "30.72 65.66 66.02 67.20 67.65 27.60 76.33 90.10 65.35 61.85"},
    {"external/EleutherAI_pythia-6.9b.json",
     "31.83 67.21 64.01 63.88 67.01 25.80 75.08 89.80 60.62 60.58"},
    {"external/EleutherAI-pythia-2.8b-deduped.json",
     "30.12 63.47 64.13 59.44 65.15 23.80 74.10 88.20 58.25 58.52"}};

constexpr PublishedRow kSecondTable[] = {
    {"stablelm-base-alpha-7b-v2.json",
     "40.53 69.11 70.31 74.27 74.19 30.40 78.45 42.43 36.46 68.82 58.50"},
    {"external/meta-llama-Llama-2-7b.json",
     "46.16 74.54 77.74 75.94 73.47 31.40 77.75 43.50 38.97 69.61 60.91"},
    {"external/mosaicml-mpt-7b.json",
     "41.89 70.03 73.94 76.17 68.64 31.40 78.89 45.14 33.49 68.03 58.76"},
    {"external/openlm-research-open_llama_7b_v2.json",
     "42.41 69.65 71.41 74.65 71.05 30.20 79.16 41.97 34.57 65.82 58.09"},
    {"external/togethercomputer-RedPajama-INCITE-7B-Base2.json",
     "39.42 69.19 70.76 70.33 71.34 29.00 77.15 42.58 33.01 64.33 56.71"},
    {"stablelm-base-alpha-3b-v2.json",
     "35.07 63.26 64.56 68.58 70.25 26.40 76.01 42.48 35.87 62.12 54.46"},
    {"external/cerebras-btlm-3b-8k-base.json",
     "37.63 67.09 69.63 69.78 66.23 27.60 75.84 42.78 36.00 64.96 55.75"},
    {"external/openlm-research-open_llama_3b_v2.json",
     "36.09 63.51 65.69 69.99 66.74 26.00 76.66 41.20 34.59 62.90 54.34"},
    {"external/EleutherAI-pythia-2.8b-deduped.json",
     "32.94 59.09 64.13 59.44 65.15 23.80 74.10 40.94 35.56 58.25 51.34"},
    {"stablelm-base-alpha-7b.json",
     "27.05 44.87 60.06 41.22 55.11 21.40 66.76 39.46 39.96 50.12 44.60"},
    {"stablelm-base-alpha-3b.json",
     "25.77 42.05 57.65 38.31 41.72 17.00 63.82 35.62 40.53 52.64 41.51"}};

void expect_rows(std::string_view columns, std::span<const PublishedRow> rows) {
  for (const PublishedRow& published : rows) {
    auto file = external_data("data/eval/reference_results") / published.file;
    Results results = read_results(file);
    const NamedResults one[] = {{model_name(results, file), results}};
    Comparison comparison = compare(comparison_columns(columns), one, false);
    std::string found;
    for (const auto& cell : comparison.rows[0].cells)
      found += cell ? format("{:.2f} ", cell->percent) : "? ";
    found += comparison.rows[0].average ? format("{:.2f}", *comparison.rows[0].average) : "?";
    EXPECT_EQ(found, published.figures) << published.file;
  }
}

TEST(Comparison, RebuildsTheFirstPublishedTable) {
  SLM_REQUIRE_EXTERNAL("data/eval/reference_results");
  expect_rows("readme-1", kFirstTable);
}

TEST(Comparison, RebuildsTheSecondPublishedTable) {
  SLM_REQUIRE_EXTERNAL("data/eval/reference_results");
  expect_rows("readme-2", kSecondTable);
}

// The eight files of the leaderboard are two rows of four columns.
TEST(Comparison, LeaderboardFiles) {
  SLM_REQUIRE_EXTERNAL("data/eval/reference_results/open_llm_leaderboard");
  std::vector<NamedResults> files;
  for (const char* size : {"3b", "7b"})
    for (const char* task : {"arc-challenge", "hellaswag", "mmmlu", "truthfulqa_mc"}) {
      std::string name = format("stablelm-beta-{}-v2-{}.json", size, task);
      files.push_back({size, read_results(external_data(
                                 "data/eval/reference_results/open_llm_leaderboard/" + name))});
    }
  Comparison table = compare(comparison_columns("leaderboard"), files, true);
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(
      comparison_markdown(table),
      "| Model | ARC (acc_norm) | HellaSwag (acc_norm) | MMLU | TruthfulQA (mc2) | Average |\n"
      "| --- | ---: | ---: | ---: | ---: | ---: |\n"
      "| 7b | 47.27 | 77.07 | 42.02 | 36.46 | 50.70 |\n"
      "| 3b | 39.68 | 70.66 | 30.76 | 35.87 | 44.24 |\n");
}

NamedResults made(const std::string& model, const std::string& metrics) {
  return {model, parse_results(R"({"results": {"boolq": {)" + metrics + "}}}", "r.json")};
}

TEST(Comparison, TextsKeepNamesInTheirCells) {
  const NamedResults files[] = {made("a|b, \"c\" <d>", R"("acc": 0.5, "acc_stderr": 0.01)"),
                                made("other", R"("f1": 1.0)")};
  Comparison table = compare(comparison_columns("boolq"), files, false);
  EXPECT_EQ(comparison_markdown(table),
            "| Model | boolq | Average |\n| --- | ---: | ---: |\n"
            "| a\\|b, \"c\" <d> | 50.00 | 50.00 |\n| other | - | - |\n");
  EXPECT_EQ(
      comparison_csv(table),
      "model,boolq,boolq stderr,average\n\"a|b, \"\"c\"\" <d>\",50.00,1.00,50.00\nother,,,\n");
  std::string html = comparison_html(table);
  EXPECT_NE(html.find("a|b, &quot;c&quot; &lt;d&gt;"), html.npos);
  EXPECT_EQ(html.find("<d>"), html.npos);
  EXPECT_EQ(html.find("http"), html.npos) << "the page needs nothing from elsewhere";
}

TEST(Comparison, RefusesWhatItCannotPlace) {
  EXPECT_EQ(refusal([] { comparison_columns("readme-3"); }).find("--columns: unknown \"readme-3\""),
            0u);
  EXPECT_EQ(refusal([] {
              const NamedResults two[] = {made("m", R"("acc": 0.5)"), made("m", R"("acc": 0.6)")};
              compare(comparison_columns("boolq"), two, false);
            }),
            "two result files have boolq of m: give their rows names, as in NAME=FILE");
}

}  // namespace
}  // namespace slm
