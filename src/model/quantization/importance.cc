#include "model/quantization/importance.h"

#include <algorithm>

#include "util/error.h"

namespace slm {

InputStatistics::InputStatistics(const Parameters& parameters)
    : sums_(parameters.items().size()),
      hook_([this](const Tensor& weight, const Tensor& input) { add(weight, input); }) {
  for (const Parameter& p : parameters.items()) weights_.push_back(p.value.address());
}

void InputStatistics::add(const Tensor& weight, const Tensor& input) {
  auto found = std::find(weights_.begin(), weights_.end(), weight.address());
  if (found == weights_.end()) return;
  Sums& sums = sums_[size_t(found - weights_.begin())];
  Tensor x = to_dtype(input, DType::kF32);
  int64_t width = x.dim(1);
  sums.squares.resize(size_t(width));
  sums.rows += x.dim(0);
  const float* at = x.data<const float>();
  for (int64_t row = 0; row < x.dim(0); ++row)
    for (double& sum : sums.squares) sum += double(*at) * double(*at), ++at;
}

std::vector<float> InputStatistics::mean_squares(size_t parameter) const {
  const Sums& sums = sums_.at(parameter);
  std::vector<float> means;
  for (double sum : sums.squares) means.push_back(float(sum / double(sums.rows)));
  return means;
}

void collect_statistics(Backend& backend, const Decoder& decoder, std::span<const int32_t> ids,
                        InputStatistics& statistics, const CalibrationOptions& options) {
  check(!ids.empty(), "the calibration text has no tokens");
  int64_t total = int64_t(ids.size()), piece = options.context;
  if (decoder.spec().max_positions > 0) piece = std::min(piece, decoder.spec().max_positions);
  std::function<void(const Tensor&, const Tensor&)> hook = [&](const Tensor& w, const Tensor& x) {
    (*statistics.hook())(w, to_host(backend, x));
    if (options.between) options.between();
  };
  Context cx{backend};
  cx.on_linear = &hook;
  for (int64_t begin = 0; begin < total; begin += piece) {
    int64_t end = std::min(total, begin + piece);
    std::vector<int32_t> sequence(ids.begin() + begin, ids.begin() + end);
    // the logits themselves are of no use
    hook(decoder.head_weight(cx), decoder.hidden(cx, TokenBatch::pack({&sequence, 1})));
    if (options.progress) options.progress(end, total);
  }
}

}  // namespace slm
