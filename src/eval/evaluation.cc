#include "eval/evaluation.h"

#include <cmath>
#include <iterator>

#include "eval/metrics.h"
#include "eval/prompt.h"
#include "eval/python_random.h"
#include "util/error.h"

namespace slm {

Evaluation::Evaluation(std::vector<Task> tasks, const RowSource& data, EvaluationOptions options)
    : options_(std::move(options)), limit_(options_.limit) {
  for (const Task& task : tasks) {
    try {
      prepare(task, data);
    } catch (const Error& e) {
      failures_.push_back({task.name, e.what(), e.kind()});
    }
  }
}

// A share becomes a number at the first task and stays it for the others: what the harness does.
size_t Evaluation::limited(size_t available) {
  if (!limit_) return available;
  check(*limit_ >= 0 && *limit_ < 1e15, "--limit {}: expected a number of documents, or a share",
        *limit_);
  limit_ = std::floor(*limit_ < 1 ? double(available) * *limit_ : *limit_);
  check(*limit_ > 0, "--limit {} leaves none of {} documents", *options_.limit, available);
  return std::min(available, size_t(*limit_));
}

void Evaluation::prepare(const Task& task, const RowSource& data) {
  PreparedTask prepared{.task = task, .shots = options_.shots.value_or(task.shots.value_or(0))};
  prepared.documents = data.documents(task, task.evaluated);
  prepared.available = std::ssize(prepared.documents);
  auto described = options_.descriptions.find(task.name);
  PromptBuilder prompt(task, prepared.shots,
                       described == options_.descriptions.end() ? "" : described->second, data);
  PythonRandom random(options_.seed);
  random.shuffle(prepared.documents);
  prepared.documents.resize(limited(prepared.documents.size()));

  std::vector<Request> requests;
  for (size_t d = 0; d < prepared.documents.size(); ++d) {
    const Document& document = prepared.documents[d];
    prepared.first_request.push_back(std::ssize(requests_) + std::ssize(requests));
    std::vector<Request> asked = task.requests(document, prompt.context(document, random));
    for (size_t i = 0; i < asked.size(); ++i) {
      asked[i].task = int(tasks_.size());
      asked[i].doc_id = int64_t(d);
      asked[i].idx = int(i);
      requests.push_back(std::move(asked[i]));
    }
  }
  prepared.first_request.push_back(std::ssize(requests_) + std::ssize(requests));
  requests_.insert(requests_.end(), std::move_iterator(requests.begin()),
                   std::move_iterator(requests.end()));
  tasks_.push_back(std::move(prepared));
}

std::vector<std::vector<MetricItem>> Evaluation::items(size_t task,
                                                       std::span<const Score> scores) const {
  check(scores.size() == requests_.size(), "{} scores for {} requests", scores.size(),
        requests_.size());
  const PreparedTask& prepared = tasks_.at(task);
  std::vector<std::vector<MetricItem>> out(prepared.task.metrics.size());
  for (size_t d = 0; d < prepared.documents.size(); ++d) {
    auto first = size_t(prepared.first_request[d]), last = size_t(prepared.first_request[d + 1]);
    auto of_document =
        prepared.task.process(prepared.documents[d], scores.subspan(first, last - first));
    for (size_t m = 0; m < out.size(); ++m) out[m].push_back(of_document.at(m));
  }
  return out;
}

TaskResult Evaluation::finish(size_t task, std::span<const Score> scores) const {
  const Task& t = tasks_.at(task).task;
  TaskResult result{.name = t.name, .version = t.version};
  auto all = items(task, scores);
  for (size_t m = 0; m < all.size(); ++m) {
    Estimate e = aggregate(t.metrics[m].aggregation, all[m], options_.bootstrap_iters);
    result.add(t.metrics[m].name, e.value, e.standard_error);
  }
  return result;
}

Results Evaluation::finish(std::span<const Score> scores) const {
  Results results;
  for (size_t t = 0; t < tasks_.size(); ++t) results.tasks.push_back(finish(t, scores));
  return results;
}

}  // namespace slm
