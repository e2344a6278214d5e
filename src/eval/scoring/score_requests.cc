#include "eval/scoring/score_requests.h"

#include <memory>

#include "eval/scoring/gather_scores.h"
#include "eval/scoring/task_run.h"
#include "util/error.h"
#include "util/progress.h"

namespace slm {
namespace {

int64_t letters(const Request& r) { return int64_t(r.context.size() + r.continuation.size()) + 1; }

// What is wrong with one task's requests, and not with the machine.
bool is_the_tasks_own(const Error& e) {
  return e.kind() != ErrorKind::kIo && e.kind() != ErrorKind::kNoMemory;
}

class Run {
 public:
  Run(const EvaluatedModel& model, std::span<const Request> requests, const ScoringOptions& options)
      : model_(model), requests_(requests), options_(options) {
    result_.scores.resize(requests.size());
    open_.resize(requests.size(), false);
    int64_t total = recall();
    if (options.show_progress && (!options.comm || options.comm->first()))
      progress_ =
          std::make_unique<Progress>(ProgressOptions{.label = "evaluating", .total = total});
  }

  RequestScores run() {
    for (size_t begin = 0; begin < requests_.size() && !result_.stopped;) {
      size_t end = begin;
      while (end < requests_.size() && requests_[end].task == requests_[begin].task) ++end;
      run_task(begin, end);
      begin = end;
    }
    return std::move(result_);
  }

 private:
  bool mine(const Request& r) const {
    return !options_.comm || r.doc_id % options_.comm->size() == options_.comm->rank();
  }

  // Takes over what is known. Returns the letters of what is left to do.
  int64_t recall() {
    int64_t left = 0;
    for (size_t i = 0; i < requests_.size(); ++i) {
      if (!mine(requests_[i])) continue;
      std::optional<Score> known;
      if (options_.cache) known = options_.cache->find(request_key(requests_[i]));
      open_[i] = !known;
      left += known ? 0 : letters(requests_[i]);
      result_.from_cache += known.has_value();
      if (known) result_.scores[i] = *known;
    }
    return left;
  }

  void run_task(size_t begin, size_t end) {
    std::vector<size_t> open;
    for (size_t i = begin; i < end; ++i)
      if (open_[i]) open.push_back(i);
    try {
      TaskRun task(model_, requests_, open);
      result_.tokens_asked += task.tokens_asked();
      task.run(options_.limits, [&](std::span<const Finished> finished, int64_t tokens) {
        return take(finished, tokens);
      });
    } catch (const Error& e) {
      if (!is_the_tasks_own(e)) throw;
      result_.failures[requests_[begin].task] = e.what();
    }
  }

  bool take(std::span<const Finished> finished, int64_t tokens) {
    result_.tokens_read += tokens;
    for (const Finished& f : finished) {
      result_.scores[f.request] = f.score;
      done_ += letters(requests_[f.request]);
      if (options_.cache) options_.cache->add(request_key(requests_[f.request]), f.score);
    }
    if (options_.cache) options_.cache->flush();
    if (progress_) progress_->update(done_);
    result_.stopped = options_.stop && options_.stop();
    return !result_.stopped;
  }

  const EvaluatedModel& model_;
  std::span<const Request> requests_;
  const ScoringOptions& options_;
  RequestScores result_;
  std::vector<bool> open_;  // requests that this process is to answer
  int64_t done_ = 0;        // letters
  std::unique_ptr<Progress> progress_;
};

}  // namespace

RequestScores score_requests(const EvaluatedModel& model, std::span<const Request> requests,
                             const ScoringOptions& options) {
  RequestScores result = Run(model, requests, options).run();
  if (options.comm && options.comm->size() > 1) gather_scores(*options.comm, requests, result);
  return result;
}

}  // namespace slm
