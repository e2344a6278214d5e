#include "text/tokenizer_json_write.h"

#include <gtest/gtest.h>

#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "support/test_data.h"
#include "text/unicode.h"
#include "util/files.h"
#include "util/rng.h"

namespace slm {
namespace {

using testing::refusal;

// The ids of random texts by the lists and by the tokenizer.json made from them.
void expect_same_tokenizer(const PortableVocabulary& lists) {
  auto dir = testing::scratch_dir();
  write_file_atomically(dir / "tokenizer.json", tokenizer_json(lists, "lists"));
  write_file_atomically(dir / "tokenizer_config.json", tokenizer_config_json(lists));
  auto by_lists = make_tokenizer(lists, "lists"), by_json = load_tokenizer(dir);
  EXPECT_EQ(by_json->bos(), by_lists->bos());
  EXPECT_EQ(by_json->eos(), by_lists->eos());
  EXPECT_EQ(by_json->adds_bos(), by_lists->adds_bos());
  EXPECT_EQ(by_json->chat_template(), by_lists->chat_template());
  static constexpr std::u32string_view kAlphabet =
      U"thequickbrown   \t\n.,'é日本🙂½1234\u0301<|>";
  Rng rng(3);
  for (int i = 0; i < 300; ++i) {
    std::string text;
    for (uint32_t n = rng.next_u32() % 40; n-- > 0;)
      append_utf8(text, kAlphabet[rng.next_u32() % kAlphabet.size()]);
    if (i % 10 == 0) text += lists.tokens[size_t(lists.eos.value_or(0))];
    auto ids = by_lists->encode(text);
    ASSERT_EQ(by_json->encode(text), ids) << text;
    EXPECT_EQ(by_json->decode(ids, true), by_lists->decode(ids, true)) << text;
  }
}

PortableVocabulary parrot_lists() {
  auto tokenizer = load_tokenizer(testing::source_dir() / "models" / "parrot" / "tokenizer.json");
  return export_vocabulary(*tokenizer, tokenizer->size() + 3);
}

TEST(TokenizerJsonWrite, ByteLevelUnderEveryRule) {
  PortableVocabulary lists = parrot_lists();
  lists.chat_template = "{{ messages }}";
  for (const char* pre : {"gpt-2", "olmo", "starcoder", "command-r", "falcon", "default", "bloom",
                          "stablelm2", "llama-bpe", "dbrx", ""}) {
    SCOPED_TRACE(pre);
    lists.pre = pre;
    expect_same_tokenizer(lists);
  }
  lists.pre = "unheard-of";
  EXPECT_EQ(refusal([&] { tokenizer_json(lists, "lists"); }),
            "lists: the rules \"unheard-of\" for splitting text are not supported");
}

TEST(TokenizerJsonWrite, TokensThatTextsAreSearchedForAndFrames) {
  PortableVocabulary lists = parrot_lists();
  size_t last = lists.tokens.size() - 1;
  lists.tokens[last] = "   ";
  lists.token_types[last] = 4;
  lists.add_bos = lists.add_eos = true;
  expect_same_tokenizer(lists);
}

// A vocabulary of pieces with scores, bytes and a user-defined piece.
PortableVocabulary pieces() {
  PortableVocabulary v;
  v.model = "llama";
  auto add = [&](const std::string& token, float score, int32_t type) {
    v.tokens.push_back(token);
    v.scores.push_back(score);
    v.token_types.push_back(type);
  };
  add("<unk>", 0, 2);
  add("<s>", 0, 3);
  add("</s>", 0, 3);
  for (int b = 0; b < 256; ++b) add(format("<0x{:02X}>", b), 0, 6);
  add("<tag>", 0, 4);
  float score = 0;
  for (const char* piece : {"th", "the", "▁the", "▁th", "qu", "ick", "▁qu", "▁quick", "br", "own",
                            "▁▁", "12", "日本", "he", "▁t"})
    add(piece, --score, 1);
  for (const char* letter : {"▁", "t", "h", "e", "q", "u", "i", "c", "k", "b", "r", "o", "w", "n",
                             "1", "2", "日", "本", "."})
    add(letter, --score, 1);
  add("ic", --score, 1);
  add("ow", --score, 1);
  v.bos = 1, v.eos = 2, v.unknown = 0;
  v.add_bos = v.add_space_prefix = true;
  return v;
}

TEST(TokenizerJsonWrite, SentencePiece) {
  PortableVocabulary lists = pieces();
  for (bool prefix : {true, false}) {
    lists.add_space_prefix = prefix;
    expect_same_tokenizer(lists);
  }
  lists.remove_extra_whitespaces = true;
  EXPECT_EQ(refusal([&] { tokenizer_json(lists, "lists"); }),
            "lists: a vocabulary that drops spaces has no tokenizer.json");
}

}  // namespace
}  // namespace slm
