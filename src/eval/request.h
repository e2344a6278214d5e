// What a task asks of a model, and what the model answers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace slm {

struct Request {
  enum class Kind {
    kLogLikelihood,  // of the continuation after the context
    kGreedyUntil,    // the text that follows the context, up to a stop string
    kRolling,        // log-likelihood of the whole continuation, a text without a context
  };
  Kind kind = Kind::kLogLikelihood;
  int task = 0;        // index into Evaluation::tasks()
  int64_t doc_id = 0;  // place of the document in the shuffled order
  int idx = 0;         // number of the request in its document
  std::string context, continuation;
  std::vector<std::string> stop = {};  // kGreedyUntil: the text is cut at the first of each in turn
  int max_tokens = 0;                  // kGreedyUntil
};

// One per request. Only the field that its kind asks for counts.
struct Score {
  double log_likelihood = 0;  // natural logarithm; kLogLikelihood, kRolling
  bool greedy = false;        // kLogLikelihood: greedy decoding gives exactly the continuation
  std::string text = {};      // kGreedyUntil
};

}  // namespace slm
