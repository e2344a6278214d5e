#include "eval/evaluation.h"

#include <gtest/gtest.h>

#include "eval/task_list.h"
#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "util/files.h"

namespace slm {
namespace {

using testing::refusal;
using testing::scratch_dir;

std::string question(int i) {
  return format(R"({{"question": "Q{}?", "passage": "P -- p.", "label": {}}})", i, i % 2) + "\n";
}

class Evaluations : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    write_file_atomically(dir_ / name, text);
  }
  Evaluation evaluate(std::string_view tasks, EvaluationOptions options = {}) {
    const std::string places[] = {dir_.string()};
    return Evaluation(find_tasks(tasks), RowSource(places), std::move(options));
  }
  std::string failure(std::string_view tasks, EvaluationOptions options = {}) {
    Evaluation evaluation = evaluate(tasks, std::move(options));
    return evaluation.failures().empty() ? "" : evaluation.failures()[0].message;
  }
  void SetUp() override {
    std::string rows;
    for (int i = 0; i < 10; ++i) rows += question(i);
    write("boolq.jsonl", rows);
    write("lambada_openai.jsonl",
          "{\"text\": \"a b\"}\n{\"text\": \"c d e\"}\n{\"text\": \"f g\"}\n");
  }
  std::filesystem::path dir_ = scratch_dir();
};

// The order of the first ten numbers shuffled with seed 42 is known.
TEST_F(Evaluations, DocumentsAreShuffled) {
  Evaluation evaluation = evaluate("boolq");
  EXPECT_EQ(evaluation.requests()[0].context, "P -- p.\nQuestion: Q7??\nAnswer:");
  EXPECT_EQ(evaluation.requests()[0].continuation, " yes");
  EXPECT_EQ(evaluation.requests()[3].continuation, " no");
  EXPECT_EQ(evaluation.requests()[3].doc_id, 1);
  EXPECT_EQ(evaluation.requests()[3].idx, 1);
}

// A share is of the first task only; its number is then the limit of the others.
TEST_F(Evaluations, AShareBecomesANumberAtTheFirstTask) {
  Evaluation evaluation = evaluate("boolq,lambada_openai", {.limit = 0.25});
  EXPECT_EQ(evaluation.tasks()[0].documents.size(), 2u);
  EXPECT_EQ(evaluation.tasks()[1].documents.size(), 2u);
  EXPECT_EQ(failure("boolq", {.limit = 0.01}), "--limit 0.01 leaves none of 10 documents");
}

TEST_F(Evaluations, AllIsRightWhenTheModelIs) {
  Evaluation evaluation = evaluate("boolq");
  std::vector<Score> scores;
  for (const Request& r : evaluation.requests()) {
    bool yes = evaluation.tasks()[0].documents[size_t(r.doc_id)].gold == 0;
    scores.push_back({.log_likelihood = (r.continuation == " yes") == yes ? -1.0 : -2.0});
  }
  EXPECT_EQ(*evaluation.finish(scores).find("boolq")->value("acc"), 1);
  EXPECT_EQ(*evaluation.finish(scores).find("boolq")->standard_error("acc"), 0);
}

TEST_F(Evaluations, DescriptionAndExamples) {
  write("boolq_train.jsonl", question(100));
  Evaluation evaluation = evaluate("boolq", {.shots = 1, .descriptions = {{"boolq", "Answer."}}});
  EXPECT_EQ(evaluation.requests()[0].context,
            "Answer.\n\nP -- p.\nQuestion: Q100??\nAnswer: no\n\nP -- p.\nQuestion: Q7??\nAnswer:");
}

// With two examples of three rows, one of those drawn is often the question itself.
TEST_F(Evaluations, AQuestionIsNoExampleOfItself) {
  Evaluation evaluation = evaluate("lambada_openai", {.shots = 2});
  ASSERT_EQ(evaluation.requests().size(), 6u);
  for (const Request& r : evaluation.requests()) {
    std::string whole = r.context + r.continuation;
    for (const char* text : {"a b", "c d e", "f g"})
      EXPECT_EQ(whole.find(text), whole.rfind(text)) << whole;
  }
}

TEST_F(Evaluations, WhatStopsOneTaskLeavesTheOthers) {
  write("piqa.jsonl",
        "{\"goal\": \"g\", \"sol1\": \"a\", \"sol2\": \"b\", \"label\": 0}\n{\"goal\": 1}\n");
  Evaluation evaluation = evaluate("boolq,piqa,sciq,truthfulqa_mc", {.limit = 1});
  ASSERT_EQ(evaluation.tasks().size(), 1u);
  ASSERT_EQ(evaluation.failures().size(), 3u);
  EXPECT_TRUE(evaluation.failures()[0].message.starts_with(
      (dir_ / "piqa.jsonl").string() + ":2: key \"goal\" must be a string, found 1. A row of piqa"))
      << evaluation.failures()[0].message;
  EXPECT_NE(evaluation.failures()[1].message.find("no file for its test split"), std::string::npos);
}

TEST_F(Evaluations, BadRowsNameTheirLine) {
  const std::string start = (dir_ / "openbookqa.jsonl").string() + ":1: ";
  auto row = [&](const std::string& choices, const std::string& answer) {
    write("openbookqa.jsonl", format(R"({{"question_stem": "q", "choices": {{"text": {}}}, )"
                                     R"("answerKey": "{}"}})",
                                     choices, answer));
    std::string message = failure("openbookqa");
    return message.substr(0, message.find(". A row"));
  };
  EXPECT_EQ(row("[]", "A"), start + "the row has no answers to choose from");
  EXPECT_EQ(row(R"(["x", ""])", "A"), start + "answer number 2 is empty");
  EXPECT_EQ(row(R"(["x", "y"])", "C"), start + "the right answer is number 3, but there are 2");
  EXPECT_EQ(row(R"(["x", "y"])", "Z"),
            start + "key \"answerKey\" must be an answer in 1..4, found \"Z\"");
  EXPECT_EQ(row(R"(["x", 5])", "A"), start +
                                         "key \"choices\": key \"text\" must be an array of "
                                         "strings; number 2 is not one");
}

TEST_F(Evaluations, ExamplesThatCannotBeHad) {
  EXPECT_NE(failure("boolq", {.shots = 1}).find("no file for its train split"), std::string::npos);
  EXPECT_EQ(failure("lambada_openai", {.shots = 3}),
            "lambada_openai: 3 examples need 4 rows in the test split, found 3");
}

TEST(TaskList, NamesGroupsGlobsVersions) {
  EXPECT_EQ(find_tasks("stablelm").size(), 11u);
  EXPECT_EQ(find_tasks("mmlu").size(), 57u);
  EXPECT_EQ(find_tasks("mmlu")[0].version, 1);
  EXPECT_EQ(find_tasks("hendrycksTest-*_law@0").size(), 2u);
  EXPECT_EQ(find_tasks("hendrycksTest-anatomy@0")[0].version, 0);
  auto leaderboard = find_tasks("open_llm_leaderboard");
  EXPECT_EQ(leaderboard.size(), 60u);
  EXPECT_EQ(leaderboard[0].name, "arc_challenge");
  EXPECT_EQ(leaderboard[0].shots, 25);
  auto sorted = find_tasks("winogrande,arc_*,winogrande");
  ASSERT_EQ(sorted.size(), 3u);
  EXPECT_EQ(sorted[2].name, "winogrande");
}

TEST(TaskList, UnknownNamesAreSuggested) {
  EXPECT_EQ(refusal([] { find_tasks("helaswag"); }),
            "unknown task \"helaswag\"; did you mean hellaswag?");
  EXPECT_EQ(refusal([] { find_tasks("arc_easy@3"); }),
            "task arc_easy: there is no version 3 of it");
  EXPECT_EQ(refusal([] { find_tasks("mmlu,mmlu@0"); }),
            "task hendrycksTest-abstract_algebra is asked for in versions 1 and 0: run them one "
            "after the other");
  EXPECT_EQ(refusal([] { find_tasks(","); }), "no task is named; --list-tasks shows all");
}

}  // namespace
}  // namespace slm
