// MMLU (Hendrycks et al. 2021): examinations in 57 subjects. Version 1 lists the options and asks
// for their letter; version 0, which the published figures are of, scores the text of the options.
#include "eval/choices.h"
#include "eval/python_text.h"
#include "eval/tasks/tasks.h"
#include "util/error.h"

namespace slm {
namespace {

constexpr const char* kSubjects[] = {"abstract_algebra",
                                     "anatomy",
                                     "astronomy",
                                     "business_ethics",
                                     "clinical_knowledge",
                                     "college_biology",
                                     "college_chemistry",
                                     "college_computer_science",
                                     "college_mathematics",
                                     "college_medicine",
                                     "college_physics",
                                     "computer_security",
                                     "conceptual_physics",
                                     "econometrics",
                                     "electrical_engineering",
                                     "elementary_mathematics",
                                     "formal_logic",
                                     "global_facts",
                                     "high_school_biology",
                                     "high_school_chemistry",
                                     "high_school_computer_science",
                                     "high_school_european_history",
                                     "high_school_geography",
                                     "high_school_government_and_politics",
                                     "high_school_macroeconomics",
                                     "high_school_mathematics",
                                     "high_school_microeconomics",
                                     "high_school_physics",
                                     "high_school_psychology",
                                     "high_school_statistics",
                                     "high_school_us_history",
                                     "high_school_world_history",
                                     "human_aging",
                                     "human_sexuality",
                                     "international_law",
                                     "jurisprudence",
                                     "logical_fallacies",
                                     "machine_learning",
                                     "management",
                                     "marketing",
                                     "medical_genetics",
                                     "miscellaneous",
                                     "moral_disputes",
                                     "moral_scenarios",
                                     "nutrition",
                                     "philosophy",
                                     "prehistory",
                                     "professional_accounting",
                                     "professional_law",
                                     "professional_medicine",
                                     "professional_psychology",
                                     "public_relations",
                                     "security_studies",
                                     "sociology",
                                     "us_foreign_policy",
                                     "virology",
                                     "world_religions"};

struct Question {
  std::string text;
  std::vector<std::string> choices;
  int64_t answer;
};

Question question(const JsonObject& row) {
  std::vector<std::string> choices = strings(row, "choices");
  check_data(choices.size() == 4, "{}: key \"choices\" must hold 4 strings, found {}", row.origin(),
             choices.size());
  return {row.string("question"), std::move(choices), label(row, "answer", 0, 4)};
}

std::string lettered(const std::vector<std::string>& choices) {
  return format("A. {}\nB. {}\nC. {}\nD. {}\nAnswer:", choices[0], choices[1], choices[2],
                choices[3]);
}

Document by_letter(const JsonObject& row) {
  Question q = question(row);
  std::string text = format("{}\n{}", strip(q.text), lettered(q.choices));
  return choice_document(row, text, {"A", "B", "C", "D"}, q.answer);
}

Document by_text(const JsonObject& row) {
  Question q = question(row);
  std::string text = format("Question: {}\nChoices:\n{}", q.text, lettered(q.choices));
  return choice_document(row, text, q.choices, q.answer);
}

Task mmlu(const std::string& subject, int version) {
  Task task{
      .name = "hendrycksTest-" + subject,
      .version = version,
      .about = "MMLU: " + replace_all(subject, "_", " "),
      .data = {.dataset = "cais/mmlu, configuration " + subject,
               .row = R"({"question": "…", "subject": ")" + subject +
                      R"(", "choices": ["…", "…", "…", "…"], "answer": 0})",
               .names = {subject, "mmlu", "mmlu/all", "all"},
               .release = {{Split::kTest, {"test/" + subject + "_test.csv"}},
                           {Split::kDev, {"dev/" + subject + "_dev.csv"}},
                           {Split::kValidation, {"val/" + subject + "_val.csv"}}},
               .columns = {"question", "choices", "choices", "choices", "choices", "answer"},
               .filter_key = "subject",
               .filter_value = subject},
      .metrics = accuracy_metrics(),
      .requests = one_per_choice,
      .process = accuracy,
  };
  if (version == 0) {
    task.document = by_text;
    task.examples = Examples::kSampleOthers;
    task.examples_split = Split::kValidation;
  } else {
    task.document = by_letter;
    task.examples = Examples::kFirst;
    task.examples_split = Split::kDev;
    task.description =
        format("The following are multiple choice questions (with answers) about {}.",
               replace_all(subject, "_", " "));
  }
  return task;
}

}  // namespace

std::vector<Task> mmlu_tasks() {
  std::vector<Task> out;
  for (int version : {1, 0})
    for (const char* subject : kSubjects) out.push_back(mmlu(subject, version));
  return out;
}

}  // namespace slm
