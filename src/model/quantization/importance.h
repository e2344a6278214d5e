// How much each column of each matrix matters, measured by running the model over a text: the mean
// square of what is multiplied with it. An error in a column that meets large inputs does more
// harm, so encoders weigh it by this.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/context.h"
#include "core/parameters.h"
#include "model/decoder.h"

namespace slm {

// Collects while a Context with hook() runs on the host. Not thread-safe; `parameters` must outlive
// it.
class InputStatistics {
 public:
  explicit InputStatistics(const Parameters& parameters);
  InputStatistics(const InputStatistics&) = delete;
  InputStatistics& operator=(const InputStatistics&) = delete;

  const std::function<void(const Tensor&, const Tensor&)>* hook() const { return &hook_; }

  // Of each column of parameter i, in the order of the parameters; empty when no linear used it.
  std::vector<float> mean_squares(size_t parameter) const;

 private:
  struct Sums {
    std::vector<double> squares;
    int64_t rows = 0;
  };
  void add(const Tensor& weight, const Tensor& input);

  std::vector<const std::byte*> weights_;  // of each parameter
  std::vector<Sums> sums_;
  std::function<void(const Tensor&, const Tensor&)> hook_;
};

struct CalibrationOptions {
  int64_t context = 512;  // tokens the model sees at a time
  // After each piece of text, with how many tokens of how many are done.
  std::function<void(int64_t done, int64_t total)> progress = {};
  // Before each matrix is used: the place to let go of mapped pages of those before.
  std::function<void()> between = {};
};

// Runs `ids` through the model in pieces. The output matrix counts too.
void collect_statistics(Backend& backend, const Decoder& decoder, std::span<const int32_t> ids,
                        InputStatistics& statistics, const CalibrationOptions& options = {});

}  // namespace slm
