// Evaluation tasks at intervals of a run: how the model does, not only its loss.
#pragma once

#include <functional>
#include <memory>

#include "eval/evaluation.h"
#include "model/load.h"
#include "train/process_grid.h"
#include "train/run_config.h"

namespace slm {

class TaskWatch {
 public:
  // Reads the rows of all tasks of the config; error when one has none, before anything is trained.
  TaskWatch(const RunConfig& config, const ModelConfig& model);

  // Null when the config asks for no tasks, or does not say where their rows are (then said).
  static std::unique_ptr<TaskWatch> make(const RunConfig& config, const ModelConfig& model,
                                         const std::function<void(std::string_view)>& say);

  // By all processes together; the first gets the results. None when `stop` said so.
  Results run(const Decoder& decoder, Backend& backend, const ProcessGrid& grid,
              const std::function<bool()>& stop) const;

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  Evaluation evaluation_;
  int64_t max_length_, texts_;
  int32_t end_of_text_;
};

}  // namespace slm
