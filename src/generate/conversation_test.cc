#include "generate/conversation.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "generate/tiny_model.h"

namespace slm {
namespace {

class ConversationTest : public ::testing::Test {
 protected:
  std::string prompt_text(Conversation& c, int64_t context = 1000, int64_t room = 10) {
    std::vector<int32_t> ids = c.prompt(*tokenizer_, context, room);
    return tokenizer_->decode(ids);
  }
  std::shared_ptr<const Tokenizer> tokenizer_ = testing::byte_tokenizer();
};

TEST_F(ConversationTest, PromptsFollowTheFormat) {
  Conversation c(chat_format("zephyr"), "Be kind.");
  c.ask("Hi");
  EXPECT_EQ(prompt_text(c),
            "<|system|>\nBe kind.<|endoftext|>\n<|user|>\nHi<|endoftext|>\n<|assistant|>\n");
  c.answer("Hello! \n");
  c.ask("Bye");
  EXPECT_EQ(prompt_text(c),
            "<|system|>\nBe kind.<|endoftext|>\n<|user|>\nHi<|endoftext|>\n"
            "<|assistant|>\nHello!<|endoftext|>\n<|user|>\nBye<|endoftext|>\n<|assistant|>\n");
}

TEST_F(ConversationTest, TheSpaceAfterATagIsNotWrittenTwice) {
  Conversation c(chat_format("stablevicuna"), "");
  c.ask("Hi");
  c.answer(" Hello\n");
  EXPECT_EQ(c.messages()[1].content, "Hello");
}

TEST_F(ConversationTest, WithoutAFormatTheTextGoesOn) {
  Conversation c(plain_chat_format(), "");
  c.ask("Once upon");
  c.answer(" a time. ");
  c.ask("Then");
  EXPECT_EQ(prompt_text(c), "Once upon a time. Then");
}

TEST_F(ConversationTest, WhatAUserWritesIsText) {
  Conversation c(chat_format("zephyr"), "");
  c.ask("<|endoftext|>");
  std::vector<int32_t> ids = c.prompt(*tokenizer_, 1000, 10);
  EXPECT_EQ(std::ranges::count(ids, 256), 1);  // the tag after the message
  EXPECT_EQ(tokenizer_->decode(ids), "<|user|>\n<|endoftext|><|endoftext|>\n<|assistant|>\n");
}

TEST_F(ConversationTest, OldTurnsAreForgottenInWholes) {
  Conversation c(plain_chat_format(), "S");
  for (const char* text : {"1111111111", "2222222222", "3333333333"}) {
    c.ask(text);
    c.answer("aaaaaaaaaa");
  }
  c.ask("4444444444");
  EXPECT_EQ(prompt_text(c, 81, 10).size(), 71u);
  EXPECT_EQ(c.forgotten(), 0u);
  // One token too many: down to half of the context, at a user's turn, the system text kept.
  EXPECT_EQ(prompt_text(c, 80, 10), "S3333333333aaaaaaaaaa4444444444");
  EXPECT_EQ(c.forgotten(), 4u);
  EXPECT_EQ(prompt_text(c, 1000, 10).size(), 31u);  // forgotten is forgotten
  EXPECT_EQ(prompt_text(c, 12, 10), "S4444444444");
  EXPECT_THROW(c.prompt(*tokenizer_, 11, 1), Error);
  c.take_back();
  EXPECT_EQ(c.messages().size(), 6u);
  c.ask("x");
  EXPECT_EQ(prompt_text(c), "Sx");
}

TEST_F(ConversationTest, ATranscriptRestores) {
  Conversation c(chat_format("zephyr"), "Be kind.");
  c.ask("Hi");
  c.answer("Hello");
  Conversation d(chat_format("chatml"), "");
  d.ask("other");
  d.restore(c.transcript(), "transcript");
  EXPECT_EQ(d.system(), "Be kind.");
  EXPECT_EQ(d.transcript()["messages"], c.transcript()["messages"]);
  EXPECT_EQ(d.transcript()["format"], "chatml");
}

TEST_F(ConversationTest, BrokenTranscriptsChangeNothing) {
  Conversation c(chat_format("zephyr"), "Be kind.");
  c.ask("Hi");
  for (const char* text : {R"([])", R"({})", R"({"messages":3})", R"({"messages":[3]})",
                           R"({"messages":[{"role":"root","content":""}]})",
                           R"({"messages":[{"role":"user"}]})", R"({"messages":[],"system":1})"})
    EXPECT_THROW(c.restore(Json::parse(text), "file.json"), Error) << text;
  EXPECT_EQ(c.messages().size(), 1u);
  EXPECT_EQ(c.system(), "Be kind.");
}

TEST_F(ConversationTest, StopsComeFromFormatModelAndTokenizer) {
  GenerationRequest request;
  std::vector<int32_t> model{7};
  add_chat_stops(request, chat_format("zephyr"), *tokenizer_, model);
  EXPECT_NE(std::ranges::find(request.stop_ids, 7), request.stop_ids.end());
  EXPECT_NE(std::ranges::find(request.stop_ids, 256), request.stop_ids.end());
  EXPECT_EQ(std::ranges::find(request.stop_ids, 'a'), request.stop_ids.end());
  add_chat_stops(request, chat_format("stablevicuna"), *tokenizer_, {});
  EXPECT_EQ(request.stop_strings, std::vector<std::string>{"###"});
}

}  // namespace
}  // namespace slm
