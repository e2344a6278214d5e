#include "data/sample_stream.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "util/error.h"

namespace slm {
namespace {

// Each source is cut into a little more than its share, so that rounding never runs it dry.
constexpr double kSlack = 1.005;

std::vector<double> weights_of(std::span<const DataSource> sources) {
  std::vector<double> weights;
  for (const DataSource& s : sources) weights.push_back(s.weight);
  return normalized_weights(weights);
}

}  // namespace

SampleStream::SampleStream(std::span<const DataSource> sources, const SampleStreamOptions& options)
    : options_(options) {
  check(options.samples_needed >= 1 && options.samples_needed < int64_t{1} << 40,
        "[data] {} samples", options.samples_needed);
  auto weights = weights_of(sources);
  mixture_ = Mixture(weights, options.samples_needed);
  for (size_t i = 0; i < sources.size(); ++i) {
    const DataSource& s = sources[i];
    TokenFile file(s.prefix);
    int64_t end = s.end_document < 0 ? file.documents() : s.end_document;
    double share = std::ceil(double(options.samples_needed) * weights[i] * kSlack);
    // A source of weight 0 is never read, but its file must still be there and sound.
    SampleOrder order(file, s.first_document, end, options.seq_length,
                      std::max(int64_t(share), int64_t{1}), options.seed, options.epoch_shuffle);
    sources_.push_back({std::move(file), std::move(order)});
  }
}

void SampleStream::sample(int64_t index, std::span<int32_t> out) const {
  Mixture::Pick pick = mixture_.at(index);
  const Source& source = sources_[size_t(pick.source)];
  source.order.read(source.file, pick.index, out);
  for (int32_t id : out)
    check_data(
        id < options_.vocab_size,
        "{}: the id {} is outside the vocabulary of {}; was it prepared with another tokenizer?",
        source.file.prefix().string(), id, options_.vocab_size);
}

SampleStream::Origin SampleStream::origin(int64_t index) const {
  Mixture::Pick pick = mixture_.at(index);
  const Source& source = sources_[size_t(pick.source)];
  return {source.file.prefix().string(), pick.index, source.order.documents_of(pick.index)};
}

std::vector<SampleStream::Usage> SampleStream::usage(int64_t samples) const {
  std::vector<Usage> out;
  auto used = mixture_.used(samples);
  for (size_t i = 0; i < sources_.size(); ++i) {
    int64_t tokens = used[i] * options_.seq_length;
    out.push_back({sources_[i].file.prefix().string(), used[i], tokens,
                   double(tokens) / double(sources_[i].order.tokens())});
  }
  return out;
}

}  // namespace slm
