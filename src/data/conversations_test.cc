#include "data/conversations.h"

#include <gtest/gtest.h>

#include "data/record_reader.h"
#include "support/refusal.h"
#include "support/test_data.h"

namespace slm {
namespace {

using testing::external_data;
using testing::refusal;

// "user: a | assistant: b" for each conversation.
std::vector<std::string> read(const std::string& json, TreePaths paths = TreePaths::kAll) {
  std::vector<std::string> out;
  for (const Conversation& c : read_conversations(parse_json(json, "f:1"), "f:1", paths)) {
    std::string text;
    for (const Message& m : c) text += (text.empty() ? "" : " | ") + m.role + ": " + m.content;
    out.push_back(text);
  }
  return out;
}

using Texts = std::vector<std::string>;

TEST(Conversations, OfEverySchema) {
  EXPECT_EQ(
      read(
          R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"assistant","content":"b"}]})"),
      Texts{"system: s | user: a | assistant: b"});
  EXPECT_EQ(
      read(
          R"({"id":"1","conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"},{"from":"user","value":"c"},{"from":"bing","value":"d"}]})"),
      Texts{"user: a | assistant: b | user: c | assistant: d"});
  EXPECT_EQ(read(R"({"instruction":"a","input":"","output":"b"})"),
            Texts{"user: a | assistant: b"});
  EXPECT_EQ(read(R"({"instruction":"a","input":"x","output":"b"})"),
            Texts{"user: a\n\nx | assistant: b"});
  EXPECT_EQ(read(R"({"instruction":"a","context":"x","response":"b"})"),
            Texts{"user: a\n\nx | assistant: b"});
  EXPECT_EQ(
      read(
          R"({"instruction":"a","instances":[{"input":"","output":"b"},{"input":"x","output":"c"}]})"),
      (Texts{"user: a | assistant: b", "user: a\n\nx | assistant: c"}));
  EXPECT_EQ(read(R"({"question":"a","answer":"b"})"), Texts{"user: a | assistant: b"});
  EXPECT_EQ(read(R"({"prompt":"a","response":"b"})"), Texts{"user: a | assistant: b"});
  EXPECT_EQ(read(R"({"prompt":"a","completion":"b"})"), Texts{"user: a | assistant: b"});
}

TEST(Conversations, AreTidied) {
  EXPECT_EQ(
      read(
          R"({"conversations":[{"from":"gpt","value":"x"},{"from":"human","value":"a"},{"from":"human","value":"b"},{"from":"gpt","value":"c"},{"from":"human","value":"d"}]})"),
      Texts{"user: a\nb | assistant: c"});
  EXPECT_EQ(read(R"({"conversations":[{"from":"human","value":"a"}]})"), Texts{});
  EXPECT_EQ(
      read(R"({"messages":[{"role":"system","content":"s"},{"role":"assistant","content":"b"}]})"),
      Texts{});
  EXPECT_EQ(read(R"({"messages":[]})"), Texts{});
}

const char* kTree =
    R"({"prompt":{"text":"q","role":"prompter","replies":[
      {"text":"worse","role":"assistant","rank":1,"replies":[]},
      {"text":"best","role":"assistant","rank":0,"replies":[
        {"text":"thanks","role":"prompter","replies":[]},
        {"text":"more?","role":"prompter","replies":[{"text":"yes","role":"assistant","replies":[]}]},
        {"text":"why?","role":"prompter","replies":[{"text":"gone","role":"assistant","deleted":true,"replies":[]}]}]},
      {"text":"unranked","role":"assistant","replies":[{"text":"ok","role":"prompter"}]}]}})";

TEST(Conversations, OfMessageTrees) {
  EXPECT_EQ(read(kTree), (Texts{"user: q | assistant: worse",
                                "user: q | assistant: best | user: more? | assistant: yes",
                                "user: q | assistant: unranked"}));
  EXPECT_EQ(read(kTree, TreePaths::kBest), (Texts{"user: q | assistant: best"}));
}

TEST(Conversations, RefuseWhatTheyDoNotKnow) {
  auto refused = [](const std::string& json) { return refusal([&] { read(json); }); };
  EXPECT_EQ(refused(R"({"chosen":"a","rejected":"b"})"),
            "f:1: no known dialogue schema (messages, conversations, instruction/output, "
            "question/answer, "
            "prompt/response, OASST trees); its keys are chosen, rejected");
  EXPECT_EQ(refused("[]"), "f:1: expected a JSON object, found []");
  EXPECT_EQ(refused(R"({"messages":[{"role":"tool","content":"x"}]})"),
            "f:1: the role \"tool\" is unknown; known are user, assistant, system");
  EXPECT_EQ(refused(R"({"messages":[{"role":"user"}]})"), "f:1: key \"content\" is missing");
  EXPECT_EQ(refused(R"({"messages":{"role":"user"}})"), "f:1: the messages must be an array");
  EXPECT_EQ(refused(R"({"question":"a","answer":7})"),
            "f:1: key \"answer\" must be a string, found 7");
  EXPECT_EQ(refused(R"({"prompt":{"role":"prompter","text":"a","replies":7}})"),
            "f:1: \"replies\" must be an array");
}

TEST(Conversations, OfPublishedDataSets) {
  SLM_REQUIRE_EXTERNAL("data/instruct");
  struct Case {
    const char* name;
    int64_t rows, conversations;
  };
  for (const Case& c :
       {Case{"alpaca_en_demo.json", 999, 999}, Case{"gsm8k_train_first400.jsonl", 400, 400},
        Case{"self_instruct_seed_tasks.jsonl", 175, 175},
        Case{"sharegpt_dummy_conversation.json", 500, 500},
        Case{"oasst_en_100_tree.jsonl", 99, 539}}) {
    RecordReader reader(external_data("data/instruct") / c.name, TextUnit::kFile);
    int64_t rows = 0, conversations = 0;
    for (Record r; reader.next(r); ++rows)
      conversations += int64_t(read_conversations(parse_json(r.text, c.name), c.name).size());
    EXPECT_EQ(rows, c.rows) << c.name;
    EXPECT_EQ(conversations, c.conversations) << c.name;
  }
}

}  // namespace
}  // namespace slm
