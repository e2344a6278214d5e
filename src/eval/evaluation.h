// From tasks to requests in the order of the harness, and from scores to results.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/data_source.h"
#include "eval/request.h"
#include "eval/results.h"
#include "eval/task.h"
#include "util/error.h"

namespace slm {

struct EvaluationOptions {
  std::optional<int> shots;          // examples before each question; none: the task's, or 0
  std::optional<double> limit;       // below 1: a share of the documents; else their number
  uint64_t seed = 42;                // of the order of documents and the choice of examples
  int64_t bootstrap_iters = 100000;  // of standard errors that have no formula
  std::map<std::string, std::string> descriptions = {};  // text before the prompts of a task
};

// A task whose data could be read.
struct PreparedTask {
  Task task;
  int shots = 0;
  std::vector<Document> documents;     // evaluated, in shuffled order: the index is the doc_id
  std::vector<int64_t> first_request;  // of each document, and one more: the end
  int64_t available = 0;               // documents of the split before the limit
};

struct TaskFailure {
  std::string task, message;
  ErrorKind kind = ErrorKind::kInvalid;
};

class Evaluation {
 public:
  // Reads the data of every task. What stops one task becomes a failure; the others go on.
  Evaluation(std::vector<Task> tasks, const RowSource& data, EvaluationOptions options);

  const EvaluationOptions& options() const { return options_; }
  const std::vector<PreparedTask>& tasks() const { return tasks_; }
  const std::vector<TaskFailure>& failures() const { return failures_; }
  // Grouped by task, document and idx, ascending.
  const std::vector<Request>& requests() const { return requests_; }

  // The items of each metric of one task, [metric][doc_id], from one score per request().
  std::vector<std::vector<MetricItem>> items(size_t task, std::span<const Score> scores) const;

  // Aggregates and standard errors of one task, or of all. The results have no config yet.
  TaskResult finish(size_t task, std::span<const Score> scores) const;
  Results finish(std::span<const Score> scores) const;

 private:
  void prepare(const Task& task, const RowSource& data);
  size_t limited(size_t available);

  EvaluationOptions options_;
  std::optional<double> limit_;
  std::vector<PreparedTask> tasks_;
  std::vector<TaskFailure> failures_;
  std::vector<Request> requests_;
};

}  // namespace slm
