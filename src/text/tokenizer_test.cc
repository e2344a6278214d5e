// Tokenizers as a whole, without outside data: a toy byte-level vocabulary and a toy SentencePiece
// model, both made here.
#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <fstream>
#include <functional>

#include "support/scratch_dir.h"
#include "text/bpe_trainer.h"
#include "text/tokenizer_parts.h"
#include "text/unicode.h"
#include "util/error.h"
#include "util/json.h"
#include "util/rng.h"

namespace slm {
namespace {

const Json& toy_json() {
  static const Json kJson = [] {
    BpeTrainer trainer({.vocab_size = 550, .special_tokens = {"<|endoftext|>", "<|pad|>"}});
    for (int i = 0; i < 3; ++i) {
      trainer.add(
          "It was the best of times, it was the worst of times; naïve cafés, 日本語 and "
          "🙂🙂.");
      trainer.add(
          "We had everything before us, we had nothing before us. 日本 日本語 it's we'll\n\n");
    }
    return parse_json(trainer.train_to_json(), "toy");
  }();
  return kJson;
}

std::shared_ptr<const Tokenizer> load(const Json& json) {
  return parse_tokenizer_json(json.dump(), "tokenizer.json");
}

std::string random_text(Rng& rng) {
  static constexpr std::u32string_view kAlphabet = U"it wasbe   \t\n.,'é日本語🙂½";
  std::string text;
  for (uint32_t n = rng.next_u32() % 40; n-- > 0;) {
    append_utf8(text, kAlphabet[rng.next_u32() % kAlphabet.size()]);
  }
  return text;
}

TEST(Tokenizer, RoundTripsAndStreamsTheSameText) {
  auto tokenizer = load(toy_json());
  Rng rng(4);
  for (int i = 0; i < 500; ++i) {
    std::string text = random_text(rng);
    std::vector<int32_t> ids = tokenizer->encode(text);
    ASSERT_EQ(tokenizer->decode(ids), text);
    for (int32_t& id : ids) {  // with damage, so that characters break
      if (rng.next_u32() % 5 == 0) id = int32_t(rng.next_u32() % uint32_t(tokenizer->size()));
    }
    std::string streamed;
    StreamDecoder stream(*tokenizer, false);
    std::string bytes;
    for (int32_t id : ids) {
      std::string piece = stream.push(id);
      EXPECT_TRUE(is_valid_utf8(piece));
      streamed += piece;
      bytes += tokenizer->token_bytes(id);
    }
    ASSERT_EQ(streamed + stream.finish(), replace_invalid_utf8(bytes));
  }
}

TEST(Tokenizer, HoldsBackHalfACharacter) {
  auto tokenizer = load(toy_json());
  StreamDecoder stream(*tokenizer);
  EXPECT_EQ(stream.push(*tokenizer->find("\xC3")), "");
  EXPECT_EQ(stream.push(*tokenizer->find("\xA9")), "é");
  EXPECT_EQ(stream.push(*tokenizer->find("\xF0")), "");
  EXPECT_EQ(stream.push(*tokenizer->find("a")), "\uFFFDa");
  EXPECT_EQ(stream.push(*tokenizer->find("\xF0")), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
}

TEST(Tokenizer, InvalidTextIsReadAsReplacementCharacters) {
  auto tokenizer = load(toy_json());
  EXPECT_EQ(tokenizer->encode("a\xFFz"), tokenizer->encode("a\uFFFDz"));
}

TEST(Tokenizer, SpecialTokensAreParsedSkippedAndFramed) {
  auto tokenizer = load(toy_json());
  auto ids = tokenizer->encode("a<|pad|>", {.bos = true, .eos = true});
  EXPECT_EQ(ids, (std::vector<int32_t>{0, *tokenizer->find("a"), 1, 0}));
  EXPECT_EQ(tokenizer->decode(ids), "<|endoftext|>a<|pad|><|endoftext|>");
  EXPECT_EQ(tokenizer->decode(ids, true), "a");
  EXPECT_TRUE(tokenizer->is_special(1));
  EXPECT_FALSE(tokenizer->is_special(*tokenizer->find("a")));
  auto plain = tokenizer->encode("a<|pad|>", {.parse_special = false});
  EXPECT_EQ(std::ranges::count(plain, 1), 0);
  EXPECT_EQ(tokenizer->decode(plain), "a<|pad|>");
  EXPECT_FALSE(tokenizer->adds_bos());
}

TEST(Tokenizer, IdsOutsideTheVocabularyHaveNoText) {
  auto tokenizer = load(toy_json());
  EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{-1, INT32_MIN, INT32_MAX, 5000}), "");
}

Json added(int id, const char* content) {
  return {{"id", id}, {"content", content}, {"special", false}, {"normalized", false}};
}

TEST(Tokenizer, AddedTokensAreLeftmostLongestWithTheirFlags) {
  Json json = toy_json();
  Json word = added(602, "zz"), strip = added(603, "<s>"), normal = added(604, "é");
  word["single_word"] = true;
  strip["lstrip"] = strip["rstrip"] = true;
  normal["normalized"] = true;
  for (const Json& t : {added(600, "<x"), added(601, "<x>y"), word, strip, normal}) {
    json["added_tokens"].push_back(t);
  }
  auto tokenizer = load(json);
  auto id = [&](const char* text) { return *tokenizer->find(text); };
  using Ids = std::vector<int32_t>;
  EXPECT_EQ(tokenizer->encode("<x>y"), (Ids{601}));
  EXPECT_EQ(tokenizer->encode("<x>z"), (Ids{600, id(">"), id("z")}));
  EXPECT_EQ(tokenizer->encode("<<x"), (Ids{id("<"), 600}));
  EXPECT_EQ(tokenizer->encode(".zz."), (Ids{id("."), 602, id(".")}));
  EXPECT_EQ(tokenizer->encode("zzz"), (Ids{id("z"), id("z"), id("z")}));
  EXPECT_EQ(tokenizer->encode("<  <s> \n<"), (Ids{id("<"), 603, id("<")}));
  EXPECT_EQ(tokenizer->encode("e\u0301"), (Ids{604}));
  EXPECT_EQ(tokenizer->size(), 605);
}

std::vector<std::string> pieces_of(const Json& pre_tokenizer, std::string_view text) {
  Json json = toy_json();
  json["normalizer"] = nullptr;
  json["model"]["merges"] = Json::array();  // so that ids are bytes, and pieces
  json["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {pre_tokenizer}}};
  auto tokenizer = load(json);
  std::vector<std::string> out;
  tokenizer->parts().pre_tokenizer.each_piece(
      text, true, [&](std::string_view piece) { out.emplace_back(piece); });
  return out;
}

TEST(Tokenizer, SplitsByAnyPatternInAllManners) {
  using Pieces = std::vector<std::string>;
  auto split = [](const char* kind, const char* pattern, const char* behavior,
                  bool invert = false) {
    return Json{{"type", "Split"},
                {"pattern", {{kind, pattern}}},
                {"behavior", behavior},
                {"invert", invert}};
  };
  constexpr std::string_view kText = "ab1 2é33.";
  EXPECT_EQ(pieces_of(split("Regex", "\\d", "Isolated"), kText),
            (Pieces{"ab", "1", " ", "2", "é", "3", "3", "."}));
  EXPECT_EQ(pieces_of(split("Regex", "\\d", "Removed"), kText), (Pieces{"ab", " ", "é", "."}));
  EXPECT_EQ(pieces_of(split("Regex", "\\d", "Contiguous"), kText),
            (Pieces{"ab", "1", " ", "2", "é", "33", "."}));
  EXPECT_EQ(pieces_of(split("Regex", "\\d", "MergedWithPrevious"), kText),
            (Pieces{"ab1", " 2", "é3", "3", "."}));
  EXPECT_EQ(pieces_of(split("Regex", "\\d", "MergedWithNext"), kText),
            (Pieces{"ab", "1 ", "2é", "3", "3."}));
  EXPECT_EQ(pieces_of(split("Regex", "\\D+", "MergedWithPrevious", true), kText),
            (Pieces{"ab1", " 2", "é33", "."}));
  EXPECT_EQ(pieces_of(split("String", "3.", "Isolated"), kText), (Pieces{"ab1 2é3", "3."}));
  EXPECT_EQ(pieces_of(split("Regex", "\\p{L}*", "Isolated"), kText),
            (Pieces{"ab", "1 2", "é", "33."}));
  std::string slow(60, 'a');
  EXPECT_THROW(pieces_of(split("Regex", "(a+)+$", "Isolated"), slow + "!"), Error);
}

TEST(Tokenizer, NormalisesByPatterns) {
  Json json = toy_json();
  json["normalizer"] = {{"type", "Replace"}, {"pattern", {{"Regex", " {2,}"}}}, {"content", " "}};
  auto tokenizer = load(json);
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("a   b c    ")), "a b c ");
}

struct Broken {
  const char* what;
  std::function<void(Json&)> change;
};

TEST(Tokenizer, BrokenFilesGiveOneClearError) {
  const Broken kBroken[] = {
      {"merges[0]", [](Json& j) { j["model"]["merges"][0] = "nothere x"; }},
      {"merges[1]", [](Json& j) { j["model"]["merges"][1] = "abc"; }},
      {"merges[1]", [](Json& j) { j["model"]["merges"][1] = 7; }},
      {"merges[2]",
       [](Json& j) {
         j["model"]["merges"][2] = Json::array({"a", "b", "c"});
       }},
      {"\"vocab\"", [](Json& j) { j["model"].erase("vocab"); }},
      {"model.vocab", [](Json& j) { j["model"]["vocab"] = Json::array(); }},
      {"same id", [](Json& j) { j["model"]["vocab"]["new"] = 5; }},
      {"must have an id", [](Json& j) { j["model"]["vocab"]["new"] = -5; }},
      {"must have an id", [](Json& j) { j["model"]["vocab"]["new"] = 99999999999; }},
      {"must have an id", [](Json& j) { j["model"]["vocab"]["new"] = "5"; }},
      {"model.type", [](Json& j) { j["model"]["type"] = "Unigram"; }},
      {"Bert",
       [](Json& j) {
         j["pre_tokenizer"] = {{"type", "Bert"}};
       }},
      {"Regex",
       [](Json& j) {
         j["pre_tokenizer"] = {
             {"type", "Split"}, {"pattern", {{"Regex", "(a+"}}}, {"behavior", "Isolated"}};
       }},
      {"normalizer",
       [](Json& j) {
         j["normalizer"] = {{"type", "Magic"}};
       }},
      {"decoder",
       [](Json& j) {
         j["decoder"] = {{"type", "WordPiece"}};
       }},
      {"added_tokens[2]",
       [](Json& j) {
         j["added_tokens"].push_back({{"id", 600}});
       }},
      {"added_tokens[2]", [](Json& j) { j["added_tokens"].push_back(added(1 << 30, "x<")); }},
      {"both", [](Json& j) { j["added_tokens"].push_back(added(1, "other")); }},
      {"added_tokens", [](Json& j) { j["added_tokens"] = "none"; }},
      {"bytes", [](Json& j) { j["added_tokens"].push_back(added(600, "")); }},
  };
  for (const Broken& b : kBroken) {
    Json json = toy_json();
    b.change(json);
    try {
      load(json);
      ADD_FAILURE() << "no error for " << b.what;
    } catch (const Error& e) {
      std::string text = e.what();
      EXPECT_TRUE(text.starts_with("tokenizer.json")) << text;
      EXPECT_NE(text.find(b.what), std::string::npos) << text;
    }
  }
  EXPECT_THROW(parse_tokenizer_json("{\"model\":", "f"), Error);
  EXPECT_THROW(parse_tokenizer_json("", "f"), Error);
  EXPECT_THROW(parse_tokenizer_json(std::string(100000, '['), "f"), Error);
  EXPECT_THROW(parse_tokenizer_json("[]", "f"), Error);
}

// --- a SentencePiece model, written field by field ---

std::string field(int number, std::string_view bytes) {
  std::string out{char(number << 3 | 2)};
  size_t n = bytes.size();
  for (; n >= 128; n >>= 7) out += char(n | 128);
  return out + char(n) + std::string(bytes);
}
std::string field(int number, int value) {
  std::string key = number < 16 ? std::string{char(number << 3)}
                                : std::string{char((number << 3 & 0x7F) | 0x80), char(number >> 4)};
  return key + char(value);
}

struct SpModel {
  std::string bytes;
  void add(std::string_view text, float score, int type) {
    auto bits = std::bit_cast<uint32_t>(score);
    std::string fixed{char(2 << 3 | 5), char(bits), char(bits >> 8), char(bits >> 16),
                      char(bits >> 24)};
    bytes += field(1, field(1, text) + fixed + field(3, type));
  }
};

std::string toy_sentencepiece() {
  SpModel m;
  m.add("<unk>", 0, 2);
  m.add("<s>", 0, 3);
  m.add("</s>", 0, 3);
  for (int b = 0; b < 256; ++b) m.add(format("<0x{:02X}>", b), 0, 6);  // 3 to 258
  float score = 0;
  for (const char* piece : {"▁▁", "▁a", "ab", "▁ab", "abab", "▁", "a", "b", "é"}) {  // 259 to 267
    m.add(piece, score--, 1);
  }
  m.add("<u>", 0, 4);  // 268
  std::string trainer = field(3, 2) + field(35, 1) + field(40, 0) + field(41, 1) + field(42, 2);
  return m.bytes + field(2, trainer) + field(3, field(3, 1) + field(4, 0));
}

TEST(SentencePiece, ANegativeByteIsNoByte) {
  SpModel m;
  m.add("<unk>", 0, 2);
  m.add("<0x-A>", 0, 6);
  EXPECT_THROW(parse_sentencepiece(m.bytes, "toy.model"), Error);
}

TEST(SentencePiece, MergesByScoreWithBytesForTheRest) {
  auto sp = parse_sentencepiece(toy_sentencepiece(), "toy.model");
  using Ids = std::vector<int32_t>;
  EXPECT_EQ(sp->encode(""), Ids{});
  EXPECT_EQ(sp->encode("abab"), (Ids{262, 261}));  // "▁a" goes before "ab": the higher score
  EXPECT_EQ(sp->encode("bab"), (Ids{264, 266, 261}));
  EXPECT_EQ(sp->encode(" a"), (Ids{259, 265}));  // a prefix, and the space itself
  EXPECT_EQ(sp->encode("éz"), (Ids{264, 267, 3 + 'z'}));
  EXPECT_EQ(sp->encode("<u>a<s>"), (Ids{264, 268, 265, 3 + '<', 3 + 's', 3 + '>'}));
  EXPECT_EQ(sp->encode("b", {.bos = true, .eos = true}), (Ids{1, 264, 266, 2}));
  EXPECT_TRUE(sp->adds_bos());
  EXPECT_TRUE(sp->is_special(1));
}

TEST(SentencePiece, DecodesWithoutTheSpaceInFront) {
  auto sp = parse_sentencepiece(toy_sentencepiece(), "toy.model");
  for (const char* text : {"ab", " ab  é", "日本🙂", "<u>"}) {
    EXPECT_EQ(sp->decode(sp->encode(text)), text);
  }
  EXPECT_EQ(sp->decode(std::vector<int32_t>{1, 260, 3 + 0xE6, 260}), "a\uFFFD a");
  StreamDecoder continued(*sp, true, true);
  EXPECT_EQ(continued.push(260), " a");
}

TEST(SentencePiece, TruncatedOrChangedFilesNeverCrash) {
  std::string bytes = toy_sentencepiece();
  for (size_t n = 0; n < bytes.size(); n += n < 40 ? 1 : 97) {
    try {
      parse_sentencepiece(bytes.substr(0, n), "cut")->encode("a b");
    } catch (const Error&) {
    }
  }
  EXPECT_THROW(parse_sentencepiece(bytes.substr(0, bytes.size() - 1), "cut"), Error);
  EXPECT_THROW(parse_sentencepiece("", "empty"), Error);
  EXPECT_THROW(parse_sentencepiece("\x0A\xFF\xFF\xFF\xFF\x7F", "lie"), Error);
  EXPECT_THROW(parse_sentencepiece(std::string(20, '\xFF'), "varint"), Error);
}

TEST(SentencePiece, AMegabyteWithoutSpaces) {
  auto sp = parse_sentencepiece(toy_sentencepiece(), "toy.model");
  std::string text;
  while (text.size() < 1000000) text += "ab";
  EXPECT_EQ(sp->decode(sp->encode(text)), text);
}

// --- files in a directory ---

class TokenizerDirectory : public ::testing::Test {
 protected:
  void SetUp() override { dir_ = testing::scratch_dir(); }
  void write(const char* name, const std::string& text) { std::ofstream(dir_ / name) << text; }
  std::filesystem::path dir_;
};

TEST_F(TokenizerDirectory, ReadsTheConfigurationBeside) {
  EXPECT_FALSE(has_tokenizer(dir_));
  EXPECT_THROW(load_tokenizer(dir_), Error);
  write("tokenizer.json", toy_json().dump());
  write(
      "tokenizer_config.json",
      R"({"bos_token": {"content": "<|pad|>"}, "eos_token": "<|endoftext|>", "add_bos_token": true,
            "chat_template": "{{ messages }}"})");
  ASSERT_TRUE(has_tokenizer(dir_));
  auto tokenizer = load_tokenizer(dir_);
  EXPECT_EQ(tokenizer->bos(), 1);
  EXPECT_EQ(tokenizer->eos(), 0);
  EXPECT_TRUE(tokenizer->adds_bos());
  EXPECT_EQ(tokenizer->chat_template(), "{{ messages }}");
}

TEST_F(TokenizerDirectory, SpecialTokensOfAModelDirectoryAreFoundInTexts) {
  write("tokenizer.model", toy_sentencepiece());
  write("special_tokens_map.json",
        R"({"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"})");
  write("added_tokens.json", R"({"[PAD]": 269})");
  auto tokenizer = load_tokenizer(dir_);
  EXPECT_EQ(tokenizer->encode("a</s>b"), (std::vector<int32_t>{260, 2, 264, 266}));
  EXPECT_EQ(tokenizer->encode("[PAD]"), (std::vector<int32_t>{269}));
  EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{260, 2}), "a</s>");
}

TEST_F(TokenizerDirectory, VocabularyAndMergesFiles) {
  write("vocab.json", R"({"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3})");
  write("merges.txt", "#version: 0.2\na b\n");
  auto tokenizer = load_tokenizer(dir_);
  EXPECT_EQ(tokenizer->encode("aab<|endoftext|>"), (std::vector<int32_t>{0, 2, 3}));
  write("merges.txt", "a b\xF4");
  EXPECT_THROW(load_tokenizer(dir_), Error);
  write("merges.txt", "a b c\n");
  EXPECT_THROW(load_tokenizer(dir_), Error);
}

TEST_F(TokenizerDirectory, TiktokenMergesByWhatIsMade) {
  std::string ranks;
  auto base64 = [](std::string_view s) {
    constexpr const char* kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; ++i) bits = bits << 8 | (i < s.size() ? uint8_t(s[i]) : 0);
    std::string out;
    for (int i = 0; i < 4; ++i)
      out += size_t(i) <= s.size() ? kDigits[bits >> (18 - 6 * i) & 63] : '=';
    return out;
  };
  for (int b = 0; b < 256; ++b) ranks += base64(std::string(1, char(b))) + format(" {}\n", b);
  ranks += base64("bc") + " 256\n" + base64("ab") + " 257\n" + base64("abc") + " 258\n";
  write("toy.tiktoken", ranks);
  write("special_tokens.json", R"({"special_tokens": {"<|endoftext|>": 300}})");
  auto tokenizer = load_tokenizer(dir_);
  using Ids = std::vector<int32_t>;
  EXPECT_EQ(tokenizer->encode("abc"), (Ids{258}));
  EXPECT_EQ(tokenizer->encode("abcd"), (Ids{258, 'd'}));
  EXPECT_EQ(tokenizer->encode("babd"), (Ids{'b', 257, 'd'}));
  EXPECT_EQ(tokenizer->encode("a<|endoftext|>"), (Ids{'a', 300}));
  EXPECT_EQ(tokenizer->eos(), 300);
}

}  // namespace
}  // namespace slm
