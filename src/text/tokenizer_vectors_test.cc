// Ids and texts against the reference implementations: Hugging Face tokenizers, SentencePiece and
// tiktoken.
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "support/test_data.h"
#include "text/tokenizer.h"
#include "util/json.h"

namespace slm {
namespace {

using testing::external_data;

// Every line of vectors.jsonl: {"text", "ids", "decoded"}.
void expect_vectors(const Tokenizer& tokenizer, const std::filesystem::path& file,
                    const EncodeOptions& options) {
  std::ifstream in(file);
  int rows = 0;
  for (std::string line; std::getline(in, line); ++rows) {
    Json row = parse_json(line, file.string());
    auto ids = row["ids"].get<std::vector<int32_t>>();
    EXPECT_EQ(tokenizer.encode(row["text"].get<std::string>(), options), ids) << line;
    EXPECT_EQ(tokenizer.decode(ids), row["decoded"].get<std::string>()) << line;

    StreamDecoder stream(tokenizer, false);
    std::string streamed;
    for (int32_t id : ids) streamed += stream.push(id);
    EXPECT_EQ(streamed + stream.finish(), row["decoded"].get<std::string>()) << line;
  }
  EXPECT_GE(rows, 200);
}

TEST(TokenizerVectors, NeoX) {
  SLM_REQUIRE_EXTERNAL("data/tokenizers/neox");
  auto dir = external_data("data/tokenizers/neox");
  expect_vectors(*load_tokenizer(dir), dir / "vectors.jsonl", {});
}

TEST(TokenizerVectors, Gpt2) {
  SLM_REQUIRE_EXTERNAL("data/tokenizers/gpt2");
  auto dir = external_data("data/tokenizers/gpt2");
  expect_vectors(*load_tokenizer(dir), dir / "vectors.jsonl", {});
}

TEST(TokenizerVectors, Gpt2FromVocabAndMerges) {
  SLM_REQUIRE_EXTERNAL("data/tokenizers/gpt2");
  auto dir = external_data("data/tokenizers/gpt2");
  expect_vectors(*load_tokenizer(dir / "vocab.json"), dir / "vectors.jsonl", {});
}

TEST(TokenizerVectors, LlamaSentencePiece) {
  SLM_REQUIRE_EXTERNAL("data/tokenizers/llama");
  auto dir = external_data("data/tokenizers/llama");
  expect_vectors(*load_tokenizer(dir), dir / "vectors.jsonl", {});
}

TEST(TokenizerVectors, Arcade100k) {
  SLM_REQUIRE_EXTERNAL("data/tokenizers/arcade100k");
  auto dir = external_data("data/tokenizers/arcade100k");
  expect_vectors(*load_tokenizer(dir), dir / "vectors.jsonl", {});
}

struct Row {
  std::string text;
  std::vector<int32_t> neox, llama, gpt2;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> kRows = {
      {"What's your mood today?",
       {1276, 434, 634, 12315, 3063, 32},
       {1724, 29915, 29879, 596, 286, 2092, 9826, 29973},
       {2061, 338, 534, 10038, 1909, 30}},
      {"The quick brown fox jumps over the lazy dog.",
       {510, 3158, 8516, 30013, 27287, 689, 253, 22658, 4370, 15},
       {450, 4996, 17354, 1701, 29916, 432, 17204, 975, 278, 17366, 11203, 29889},
       {464, 2068, 7586, 21831, 18045, 625, 262, 16931, 3290, 13}},
      {" leading", {4283}, {29871, 8236}, {3756}},
      {"two  spaces", {9389, 50276, 31748}, {1023, 29871, 8162}, {11545, 220, 9029}},
      {"tab\011and\012newline\015\012",
       {8476, 186, 395, 187, 1826, 1282, 2379},
       {4434, 12, 392, 13, 1482, 1220, 30004, 13},
       {8658, 197, 392, 198, 3605, 1370, 201, 198}},
      {"    indent4", {50274, 31808, 21}, {268, 29536, 29946}, {220, 220, 220, 33793, 19}},
      {"x = 12345;",
       {89, 426, 1249, 16767, 28},
       {921, 353, 29871, 29896, 29906, 29941, 29946, 29945, 29936},
       {87, 796, 17031, 2231, 26}},
      {"na\303\257ve caf\303\251",
       {2072, 30180, 36241},
       {1055, 30085, 345, 274, 28059},
       {2616, 38776, 40304}},
      {"e\314\201", {860}, {321, 30103}, {68, 136, 223}},
      {"\346\227\245\346\234\254\350\252\236\343\201\256\343\203\206\343\202\255\343\202\271\343"
       "\203\210",
       {49868, 19119, 241, 3917, 28656, 33548, 38206},
       {29871, 30325, 30346, 30968, 30199, 30572, 30454, 30255, 30279},
       {33768, 98, 17312, 105, 45739, 252, 5641, 24336, 25084, 43302}},
      {"\360\237\231\202\360\237\221\215\360\237\217\275",
       {14931, 18713, 14931, 228, 224, 14931, 226, 123},
       {29871, 243, 162, 156, 133, 243, 162, 148, 144, 243, 162, 146, 192},
       {8582, 25081, 41840, 235, 8582, 237, 121}},
      {"don't I'll we've",
       {9903, 626, 309, 1833, 359, 1849},
       {1016, 29915, 29873, 306, 29915, 645, 591, 29915, 345},
       {9099, 470, 314, 1183, 356, 1053}},
      {"aaaaaaaaaaaaaaaaaaaa",
       {49642, 49642, 23342},
       {263, 27137, 27137, 27137, 27137, 7340, 29874},
       {24794, 24794, 24794, 24794, 24794}},
      {"\302\240nbsp", {575, 6732}, {20246, 14239}, {1849, 77, 24145}},
      {"trailing   ", {7604, 4837, 50275}, {25053, 1678}, {9535, 4386, 220, 220, 220}},
      {"\012\012\012", {2756}, {29871, 13, 13, 13}, {628, 198}},
      {"<|endoftext|>", {0}, {}, {50256}},
      {"StableLM", {998, 494, 22047}, {624, 519, 26369}, {1273, 540, 31288}},
      {"\357\254\201 ligature",
       {46992, 212, 8405, 1177},
       {29871, 31017, 14172, 1535},
       {171, 105, 223, 26106, 1300}},
      {"### Human: hi\012### Assistant:",
       {4118, 8801, 27, 14260, 187, 4118, 17762, 27},
       {835, 12968, 29901, 7251, 13, 2277, 29937, 4007, 22137, 29901},
       {21017, 5524, 25, 23105, 198, 21017, 15286, 25}},
      // Runs of spaces are tokens of their own, longest first.
      {"  x", {50276, 89}, {}, {}},
      {"                        ", {50254}, {}, {}},
      {"                         ", {50254, 209}, {}, {}},
      {"                         x", {50254, 1269}, {}, {}},
      {"                          ", {50254, 50276}, {}, {}},
      {"                                                  ", {50254, 50254, 50276}, {}, {}}};
  return kRows;
}

void expect_rows(const std::string& name, std::vector<int32_t> Row::*ids) {
  auto tokenizer = load_tokenizer(external_data("data/tokenizers/" + name));
  for (const Row& row : rows()) {
    if ((row.*ids).empty()) continue;
    EXPECT_EQ(tokenizer->encode(row.text), row.*ids) << row.text;
  }
}

TEST(TokenizerVectors, TableOfNeoX) {
  SLM_REQUIRE_EXTERNAL("data/tokenizers/neox");
  expect_rows("neox", &Row::neox);
}

TEST(TokenizerVectors, TableOfLlama) {
  SLM_REQUIRE_EXTERNAL("data/tokenizers/llama");
  expect_rows("llama", &Row::llama);
}

TEST(TokenizerVectors, TableOfGpt2) {
  SLM_REQUIRE_EXTERNAL("data/tokenizers/gpt2");
  expect_rows("gpt2", &Row::gpt2);
}

}  // namespace
}  // namespace slm
