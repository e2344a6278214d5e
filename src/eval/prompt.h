// The text before a model answers: a description, examples, the question.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "eval/data_source.h"
#include "eval/python_random.h"
#include "eval/task.h"

namespace slm {

class PromptBuilder {
 public:
  // Reads the split of examples when there are to be some. `description`: may be empty; the
  // task's own goes before it. Errors when the task takes no examples, or there are not enough.
  PromptBuilder(const Task& task, int shots, const std::string& description, const RowSource& data);

  // Draws from `random`, which has shuffled the documents, once per document in that order.
  std::string context(const Document& document, PythonRandom& random) const;

 private:
  std::vector<int64_t> choose(const Document& document, PythonRandom& random) const;

  Examples rule_;
  int64_t shots_;
  std::string description_;
  std::vector<Document> pool_;
};

}  // namespace slm
