#include "text/vocabulary_export.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "support/test_data.h"
#include "text/bpe_trainer.h"
#include "text/unicode.h"
#include "util/error.h"
#include "util/json.h"
#include "util/rng.h"

namespace slm {
namespace {

Json toy_json() {
  BpeTrainer trainer({.vocab_size = 420, .special_tokens = {"<|endoftext|>", "<|padding|>"}});
  for (int i = 0; i < 3; ++i) {
    trainer.add("It was the best of times; naïve cafés cost 1234 or 12½, we'll say. 日本語\n\n");
    trainer.add("    We had everything before us, we had 1999 things before us. 日本 It's\t");
  }
  return parse_json(trainer.train_to_json(), "toy");
}

std::shared_ptr<const Tokenizer> load(const Json& json) {
  return parse_tokenizer_json(json.dump(), "tokenizer.json");
}

std::string random_text(Rng& rng) {
  static constexpr std::u32string_view kAlphabet = U"it wasbe   \t\n.,'é日本語🙂½123\u0301";
  std::string text;
  for (uint32_t n = rng.next_u32() % 40; n-- > 0;) {
    append_utf8(text, kAlphabet[rng.next_u32() % kAlphabet.size()]);
  }
  return text;
}

// Out and back: the same ids for random texts, and the same lists once more.
PortableVocabulary expect_round_trip(const Tokenizer& tokenizer, int64_t rows) {
  PortableVocabulary lists = export_vocabulary(tokenizer, rows);
  EXPECT_EQ(int64_t(lists.tokens.size()), rows);
  auto back = make_tokenizer(lists, "lists");
  Rng rng(7);
  for (int i = 0; i < 500; ++i) {
    std::string text = random_text(rng);
    EXPECT_EQ(back->encode(text), tokenizer.encode(text)) << text;
    if (::testing::Test::HasFailure()) break;
  }
  PortableVocabulary again = export_vocabulary(*back, rows);
  EXPECT_EQ(again.tokens, lists.tokens);
  EXPECT_EQ(again.token_types, lists.token_types);
  EXPECT_EQ(again.merges, lists.merges);
  EXPECT_EQ(again.pre, lists.pre);
  EXPECT_EQ(again.bos, lists.bos);
  return lists;
}

TEST(VocabularyExport, ByteLevel) {
  Json json = toy_json();
  json["added_tokens"].push_back(
      {{"id", 420}, {"content", "  "}, {"special", false}, {"normalized", true}});
  auto tokenizer = load(json);
  PortableVocabulary v = expect_round_trip(*tokenizer, 424);
  EXPECT_EQ(v.model, "gpt2");
  EXPECT_EQ(v.pre, "olmo");  // with NFC
  EXPECT_EQ(v.tokens[0], "<|endoftext|>");
  EXPECT_EQ(v.token_types[0], 3);
  EXPECT_EQ(v.tokens[size_t(*tokenizer->find(" "))], "Ġ");
  EXPECT_EQ(v.tokens[420], "  ");
  EXPECT_EQ(v.token_types[420], 4);
  EXPECT_EQ(v.tokens[423], "[PAD423]");
  EXPECT_EQ(v.token_types[423], 5);
  EXPECT_EQ(v.eos, 0);
  EXPECT_EQ(v.merges.size(), json["model"]["merges"].size());
  EXPECT_FALSE(v.add_bos);
  EXPECT_EQ(make_tokenizer(v, "v")->decode(std::vector<int32_t>{423}), "");
}

TEST(VocabularyExport, EveryRuleThatSplits) {
  auto split = [](const char* regex) {
    return Json{{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}};
  };
  Json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
  Json gpt2 = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
  Json runs = {{"type", "Digits"}, {"individual_digits", false}};
  Json digit = {{"type", "Digits"}, {"individual_digits", true}};
  Json punctuation = {{"type", "Punctuation"}, {"behavior", "Contiguous"}};
  const char* kQwen =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  struct Case {
    const char* pre;
    bool nfc;
    Json steps;
  };
  const Case kCases[] = {
      {"gpt-2", false, Json::array({gpt2})},
      {"olmo", true, Json::array({gpt2})},
      {"starcoder", false, Json::array({digit, gpt2})},
      {"falcon", false, Json::array({punctuation, gpt2, runs, split("[0-9][0-9][0-9]")})},
      {"bloom", false,
       Json::array({split(" ?[^(\\s|[.,!?\u2026\u3002\uFF0C\u3001\u0964\u06D4\u060C])]+"), bytes})},
      {"stablelm2", true, Json::array({split(kQwen), bytes})},
  };
  for (const Case& c : kCases) {
    Json json = toy_json();
    json["normalizer"] = c.nfc ? Json{{"type", "NFC"}} : Json();
    json["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", c.steps}};
    EXPECT_EQ(expect_round_trip(*load(json), 420).pre, c.pre);
  }
  Json json = toy_json();
  json["normalizer"] = {{"type", "Lowercase"}};
  EXPECT_THROW(export_vocabulary(*load(json), 420), Error);
}

PortableVocabulary toy_pieces() {
  PortableVocabulary v{.model = "llama", .pre = "default"};
  auto add = [&](std::string_view token, int type, float score = 0) {
    v.tokens.emplace_back(token);
    v.token_types.push_back(type);
    v.scores.push_back(score);
  };
  add("<unk>", 2);
  add("<s>", 3);
  add("</s>", 3);
  for (int b = 0; b < 256; ++b) add(format("<0x{:02X}>", b), 6);
  float score = 0;
  for (const char* t : {"▁▁", "▁i", "it", "▁it", "▁▁i", "bea", "be", "▁", "a", "b", "e", "i", "t"})
    add(t, 1, score--);
  add("[x]", 4);
  v.bos = 1, v.eos = 2, v.unknown = 0;
  v.add_bos = v.add_space_prefix = true;
  return v;
}

TEST(VocabularyExport, SentencePiece) {
  for (bool prefix : {true, false}) {
    for (bool collapse : {true, false}) {
      PortableVocabulary v = toy_pieces();
      v.add_space_prefix = prefix, v.remove_extra_whitespaces = collapse;
      auto tokenizer = make_tokenizer(v, "toy");
      PortableVocabulary lists = expect_round_trip(*tokenizer, int64_t(v.tokens.size()) + 2);
      EXPECT_TRUE(std::ranges::equal(v.tokens, std::span(lists.tokens).first(v.tokens.size())));
      EXPECT_TRUE(std::ranges::equal(v.scores, std::span(lists.scores).first(v.scores.size())));
      EXPECT_EQ(lists.add_space_prefix, prefix);
      EXPECT_EQ(lists.remove_extra_whitespaces, collapse);
      EXPECT_TRUE(lists.add_bos);
      EXPECT_EQ(lists.unknown, 0);
    }
  }
  auto tokenizer = make_tokenizer(toy_pieces(), "toy");
  using Ids = std::vector<int32_t>;
  EXPECT_EQ(tokenizer->encode("it[x]é"), (Ids{262, 272, 3 + 0xC3, 3 + 0xA9}));
  EXPECT_EQ(tokenizer->encode("</s>it"), (Ids{2, 262}));
  EXPECT_EQ(tokenizer->decode(Ids{1, 262, 266, 264}, true), "it bea");
}

// The same pieces as a tokenizer.json: every pair that makes a piece, in the order of the scores.
Json pieces_as_json(const PortableVocabulary& v) {
  Json vocab = Json::object(), merges = Json::array();
  for (size_t i = 0; i < v.tokens.size(); ++i) vocab[v.tokens[i]] = i;
  for (size_t i = 259; i < v.tokens.size(); ++i) {
    for (size_t cut = 1; cut < v.tokens[i].size(); ++cut) {
      std::string left = v.tokens[i].substr(0, cut), right = v.tokens[i].substr(cut);
      if (vocab.contains(left) && vocab.contains(right)) merges.push_back({left, right});
    }
  }
  Json replace = {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "▁"}};
  Json prepend = {{"type", "Prepend"}, {"prepend", "▁"}};
  return {{"normalizer", {{"type", "Sequence"}, {"normalizers", {prepend, replace}}}},
          {"model",
           {{"type", "BPE"},
            {"vocab", vocab},
            {"merges", merges},
            {"unk_token", "<unk>"},
            {"fuse_unk", true},
            {"byte_fallback", true}}},
          {"added_tokens", Json::array({{{"id", 0}, {"content", "<unk>"}, {"special", true}},
                                        {{"id", 1}, {"content", "<s>"}, {"special", true}},
                                        {{"id", 2}, {"content", "</s>"}, {"special", true}}})}};
}

TEST(VocabularyExport, PiecesFromATokenizerJson) {
  PortableVocabulary v = toy_pieces();
  Json json = pieces_as_json(v);
  PortableVocabulary lists = expect_round_trip(*load(json), int64_t(v.tokens.size()));
  EXPECT_EQ(lists.model, "llama");
  EXPECT_EQ(lists.token_types[3], 6);
  EXPECT_TRUE(lists.add_space_prefix);
  json["model"]["merges"].erase(0);  // no longer all pairs
  EXPECT_THROW(export_vocabulary(*load(json), int64_t(v.tokens.size())), Error);
}

TEST(VocabularyExport, ListsThatDoNotFitGiveOneError) {
  PortableVocabulary good = export_vocabulary(*load(toy_json()), 420);
  auto broken = [&](auto change) {
    PortableVocabulary v = good;
    change(v);
    EXPECT_THROW(make_tokenizer(v, "broken"), Error);
  };
  make_tokenizer(good, "good");
  broken([](auto& v) { v.model = "bert"; });
  broken([](auto& v) { v.pre = "unheard-of"; });
  broken([](auto& v) { v.token_types.pop_back(); });
  broken([](auto& v) { v.token_types[5] = 9; });
  broken([](auto& v) { v.tokens.clear(); });
  broken([](auto& v) { v.tokens[6] = v.tokens[5]; });
  broken([](auto& v) { v.tokens[6] = "\xFF"; });
  broken([](auto& v) { v.merges[0] = "ab"; });
  broken([](auto& v) { v.merges[0] = "日 本"; });
  broken([](auto& v) { v.merges[0] = "\xFF a"; });
  broken([](auto& v) { v.bos = 420; });
  broken([](auto& v) { v.eos = -1; });
  broken([](auto& v) { v.model = "llama"; });
  auto tokenizer = make_tokenizer(good, "good");
  EXPECT_THROW(export_vocabulary(*tokenizer, tokenizer->size() - 1), Error);
}

TEST(VocabularyExport, FilesOfOlderWriters) {
  PortableVocabulary v = export_vocabulary(*load(toy_json()), 424);
  v.pre = "";  // told from the first two tokens
  v.token_types.clear();
  auto tokenizer = make_tokenizer(v, "old");
  EXPECT_EQ(tokenizer->encode("e\u0301"), tokenizer->encode("é"));
  EXPECT_TRUE(tokenizer->is_special(0));
  auto ids = tokenizer->encode("[PAD423]");
  EXPECT_EQ(std::ranges::count(ids, 423), 0);
}

void expect_vectors(const char* name, const char* pre) {
  auto dir = testing::external_data(std::string("data/tokenizers/") + name);
  auto tokenizer = load_tokenizer(dir);
  PortableVocabulary lists = export_vocabulary(*tokenizer, tokenizer->size() + 7);
  EXPECT_EQ(lists.pre, pre);
  auto back = make_tokenizer(lists, name);
  std::ifstream in(dir / "vectors.jsonl");
  int rows = 0;
  for (std::string line; std::getline(in, line); ++rows) {
    Json row = parse_json(line, name);
    auto ids = row["ids"].get<std::vector<int32_t>>();
    // Control pieces of a SentencePiece model alone are not looked for in texts.
    bool parse_special = lists.model == "gpt2";
    EXPECT_EQ(back->encode(row["text"].get<std::string>(), {.parse_special = parse_special}), ids);
    EXPECT_EQ(back->decode(ids), row["decoded"].get<std::string>());
  }
  EXPECT_GE(rows, 200);
}

TEST(VocabularyExport, VectorsOfNeoX) {
  SLM_REQUIRE_EXTERNAL("data/tokenizers/neox");
  expect_vectors("neox", "olmo");
}

TEST(VocabularyExport, VectorsOfGpt2) {
  SLM_REQUIRE_EXTERNAL("data/tokenizers/gpt2");
  expect_vectors("gpt2", "gpt-2");
}

TEST(VocabularyExport, VectorsOfLlama) {
  SLM_REQUIRE_EXTERNAL("data/tokenizers/llama");
  expect_vectors("llama", "default");
}

TEST(VocabularyExport, VectorsOfArcade100k) {
  SLM_REQUIRE_EXTERNAL("data/tokenizers/arcade100k");
  expect_vectors("arcade100k", "stablelm2");
}

}  // namespace
}  // namespace slm
