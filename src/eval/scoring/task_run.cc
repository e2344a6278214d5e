#include "eval/scoring/task_run.h"

#include "eval/scoring/scorer.h"

namespace slm {

TaskRun::TaskRun(const EvaluatedModel& model, std::span<const Request> requests,
                 std::span<const size_t> chosen)
    : model_(model) {
  PassageMaker maker(model.tokenizer, model.passages);
  for (size_t i : chosen) {
    const Request& r = requests[i];
    if (r.kind == Request::Kind::kGreedyUntil) {
      prompts_.push_back({maker.prompt(r.context, r.max_tokens), r.stop, r.max_tokens});
      prompt_request_.push_back(i);
      tokens_asked_ += int64_t(prompts_.back().ids.size());
      continue;
    }
    size_t first = passages_.size();
    if (r.kind == Request::Kind::kRolling)
      for (Passage& p : maker.rolling(r.continuation)) passages_.push_back(std::move(p));
    else
      passages_.push_back(maker.pair(r.context, r.continuation));
    size_t count = passages_.size() - first;
    owner_.resize(passages_.size(), scored_.size());
    scored_.push_back({i, first, count, count});
  }
  for (const Passage& p : passages_) tokens_asked_ += p.length();
  scores_.resize(passages_.size());
}

void TaskRun::run(const BatchLimits& limits, const OnBatch& on_batch) {
  if (!run_passages(limits, on_batch) || prompts_.empty()) return;
  continue_greedily(model_, prompts_, [&](size_t i, const std::string& text) {
    Finished finished{prompt_request_[i], {.text = text}};
    return on_batch({&finished, 1}, int64_t(prompts_[i].ids.size()));
  });
}

bool TaskRun::run_passages(const BatchLimits& limits, const OnBatch& on_batch) {
  Scorer scorer(model_.decoder, model_.backend);
  ScoringWork work(passages_, limits);
  for (size_t b = 0; b < work.batches(); ++b) {
    std::vector<PassageScore> scores = scorer.score(work.batch(b));
    std::vector<Finished> finished;
    for (size_t i = 0; i < scores.size(); ++i) {
      size_t passage = work.index(work.batch(b)[i]);
      scores_[passage] = scores[i];
      Scored& scored = scored_[owner_[passage]];
      if (--scored.left == 0) finished.push_back({scored.request, sum(scored)});
    }
    if (!on_batch(finished, work.tokens(b))) return false;
  }
  return true;
}

// In the order of the windows, whatever the order they were scored in.
Score TaskRun::sum(const Scored& scored) const {
  Score total{.greedy = true};
  for (size_t p = scored.first_passage; p < scored.first_passage + scored.passages; ++p) {
    total.log_likelihood += scores_[p].log_likelihood;
    total.greedy &= scores_[p].greedy;
  }
  return total;
}

}  // namespace slm
