#include "eval/user_task.h"

#include <gtest/gtest.h>

#include "eval/evaluation.h"
#include "eval/task_list.h"
#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "util/files.h"

namespace slm {
namespace {

using testing::refusal;
using testing::scratch_dir;

constexpr const char* kQuiz =
    "task: quiz\n"
    "data: quiz.jsonl\n"
    "doc_to_text: \"{{topic|upper}}: {{q}}\\nAnswer:\"\n"
    "doc_to_choice: options.text\n"
    "doc_to_target: \"{{answer}}\"\n"
    "metrics: [acc_norm]\n";

class UserTasks : public ::testing::Test {
 protected:
  Evaluation evaluate(const std::string& yaml, const std::string& rows) {
    write_file_atomically(dir_ / "quiz.yml", yaml);
    write_file_atomically(dir_ / "quiz.jsonl", rows);
    return Evaluation(find_tasks((dir_ / "quiz.yml").string()), RowSource({}), {});
  }
  std::filesystem::path dir_ = scratch_dir();
};

TEST_F(UserTasks, QuestionsWithChoices) {
  Evaluation evaluation =
      evaluate(kQuiz, R"({"topic": "food", "q": "Hot?", "options": {"text": ["ice", "tea"]}, )"
                      R"("answer": "tea"})");
  ASSERT_TRUE(evaluation.failures().empty()) << evaluation.failures()[0].message;
  ASSERT_EQ(evaluation.requests().size(), 2u);
  EXPECT_EQ(evaluation.requests()[1].context, "FOOD: Hot?\nAnswer:");
  EXPECT_EQ(evaluation.requests()[1].continuation, " tea");
  const Score scores[] = {{.log_likelihood = -2}, {.log_likelihood = -1}};
  TaskResult result = evaluation.finish(0, scores);
  EXPECT_EQ(result.metrics(), std::vector<std::string>{"acc_norm"});
  EXPECT_EQ(*result.value("acc_norm"), 1);
}

TEST_F(UserTasks, AnAnswerThatNamesTwoChoicesMustBeExplained) {
  std::string rows = R"({"topic": "n", "q": "1+1", "options": {"text": ["1", "2"]}, "answer": 1})";
  Evaluation unclear = evaluate(kQuiz, rows);
  ASSERT_EQ(unclear.failures().size(), 1u);
  EXPECT_NE(unclear.failures()[0].message.find("`answer_is: text`"), std::string::npos);
  EXPECT_EQ(evaluate(std::string(kQuiz) + "answer_is: index\n", rows).tasks()[0].documents[0].gold,
            1);
  EXPECT_EQ(evaluate(std::string(kQuiz) + "answer_is: text\n", rows).tasks()[0].documents[0].gold,
            0);
}

TEST_F(UserTasks, AnswersWithoutChoices) {
  std::string rows = R"({"q": "Say a.", "a": "a"})";
  std::string head = "task: echo\ndata: quiz.jsonl\ndoc_to_text: '{{q}}'\ndoc_to_target: '{{a}}'\n";
  Evaluation likelihood = evaluate(head, rows);
  EXPECT_EQ(likelihood.requests().at(0).continuation, " a");
  Evaluation text = evaluate(head + "until: [\"\\n\"]\nmax_tokens: 5\n", rows);
  EXPECT_EQ(text.requests().at(0).kind, Request::Kind::kGreedyUntil);
  EXPECT_EQ(text.requests().at(0).max_tokens, 5);
  const Score scores[] = {{.text = " a "}};
  EXPECT_EQ(*text.finish(0, scores).value("exact_match"), 1);
}

TEST(UserTask, ErrorsNameTheLine) {
  auto refused = [](const std::string& text) {
    return refusal([&] { user_task(parse_config(text, "t.yml"), "t.yml"); });
  };
  EXPECT_EQ(refused("task: t\ndoc_to_txt: x\n"),
            "t.yml:2: unknown key \"doc_to_txt\"; did you mean doc_to_text?");
  EXPECT_EQ(refused("task: t\n"), "t.yml: key \"doc_to_text\" is missing");
  EXPECT_EQ(refused("task: t\ndoc_to_text: x\ndoc_to_target: y\nmetrics: [acc_norm]\n"),
            "t.yml:4: metric \"acc_norm\": a task of this kind has ppl, acc");
  EXPECT_EQ(
      refused("task: t\ndoc_to_text: '{{x'\ndoc_to_target: y\n").find("t.yml:2: doc_to_text: "),
      0u);
  EXPECT_EQ(refused("task: t\nversion: one\ndoc_to_text: x\ndoc_to_target: y\n"),
            "t.yml:2: key \"version\" must be a whole number, found one");
}

}  // namespace
}  // namespace slm
