// Request lists and results of every task, against those of the harness.
#include <gtest/gtest.h>

#include <cmath>

#include "eval/dummy_model_test.h"
#include "eval/evaluation.h"
#include "eval/python_json.h"
#include "eval/task_list.h"
#include "support/test_data.h"
#include "util/files.h"

namespace slm {
namespace {

using testing::external_data;

Evaluation evaluate(Task task, const std::string& file, int shots) {
  std::string rows = external_data("data/eval/" + file);
  std::string folder = external_data("data/eval");
  std::string place = task.name + ":" + std::string(split_name(task.evaluated)) + "=" + rows;
  const std::string places[] = {place, folder};
  return Evaluation({std::move(task)}, RowSource(places), {.shots = shots, .bootstrap_iters = 10});
}

// "arc_challenge 25-shot (examples from ...)", "hendrycksTest-anatomy v1 5-shot".
struct Case {
  Task task;
  int shots = 0;
};
Case case_from(const std::string& title) {
  std::string name = title.substr(0, title.find(' '));
  if (title.find(" v0") != title.npos) name += "@0";
  Case out{find_tasks(name)[0]};
  if (size_t at = title.find("-shot"); at != title.npos)
    out.shots = std::stoi(title.substr(title.rfind(' ', at) + 1));
  if (title.find("evaluated document left out") != title.npos) {
    out.task.examples = Examples::kSampleOthers;
    out.task.examples_split = out.task.evaluated;
  }
  return out;
}

// The pins were written with ten digits or all of them.
void expect_results(const TaskResult& found, const Json& expected, const std::string& title) {
  for (const auto& [metric, value] : expected.items()) {
    auto mine = found.value(metric);
    ASSERT_TRUE(mine.has_value()) << title << ": " << metric;
    EXPECT_NEAR(*mine, value.get<double>(), 1e-8 + 1e-5 * std::abs(value.get<double>()))
        << title << ": " << metric;
  }
  EXPECT_EQ(found.values.size(), expected.size()) << title;
}

TEST(Pins, EveryTaskOnItsDevelopmentRows) {
  SLM_REQUIRE_EXTERNAL("data/eval/expected_requests.json");
  Json all = read_json_file(external_data("data/eval/expected_requests.json"));
  EXPECT_EQ(all.size(), 28u);
  for (const auto& [title, expected] : all.items()) {
    Case one = case_from(title);
    Evaluation evaluation = evaluate(one.task, expected["file"], one.shots);
    for (const TaskFailure& failure : evaluation.failures()) ADD_FAILURE() << failure.message;
    const auto& requests = evaluation.requests();
    EXPECT_EQ(requests.size(), expected["requests"].get<size_t>()) << title;
    EXPECT_EQ(request_list_hash(requests), expected["sha256"].get<std::string>()) << title;
    if (evaluation.tasks().empty()) continue;
    expect_results(evaluation.finish(0, testing::dummy_scores(requests.size())),
                   expected["dummy_results"], title);
  }
}

TEST(Pins, SampleRequests) {
  SLM_REQUIRE_EXTERNAL("data/eval/sample_requests.json");
  Json all = read_json_file(external_data("data/eval/sample_requests.json"));
  Json files = read_json_file(external_data("data/eval/expected_requests.json"));
  for (const auto& [title, documents] : all.items()) {
    Case one = case_from(title);
    Evaluation evaluation = evaluate(one.task, files[title]["file"], one.shots);
    size_t at = 0;
    for (const Json& document : documents)
      for (const Json& pair : document) {
        const Request& request = evaluation.requests().at(at++);
        EXPECT_EQ(request.context, pair[0].get<std::string>()) << title;
        EXPECT_EQ(request.continuation, pair[1].get<std::string>()) << title;
      }
  }
}

TEST(Pins, WholeSplitsOfTheHarness) {
  SLM_REQUIRE_EXTERNAL("data/eval/pinned");
  for (const char* subject : {"abstract_algebra", "anatomy", "college_biology", "global_facts"}) {
    std::string name = std::string("hendrycksTest-") + subject;
    std::string stem = external_data("data/eval/pinned/" + name + "-v0-");
    Evaluation evaluation = evaluate(find_tasks(name + "@0")[0], "mmlu_test.jsonl", 0);
    EXPECT_EQ(request_list_hash(evaluation.requests()), read_file(stem + "loglikelihood"));
    expect_results(evaluation.finish(0, testing::dummy_scores(evaluation.requests().size())),
                   read_json_file(stem + "res.json")["results"][name], name);
  }
}

}  // namespace
}  // namespace slm
