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

void check_labels(const TokenFile& file, const TokenFile& labels) {
  std::string name = labels.prefix().string();
  check_data(labels.documents() == file.documents(), "{}: labels of {} documents, but {} has {}",
             name, labels.documents(), file.prefix().string(), file.documents());
  for (int64_t d = 0; d < file.documents(); ++d)
    check_data(labels.length(d) == file.length(d),
               "{}: {} labels of document {}, which has {} tokens in {}", name, labels.length(d), d,
               file.length(d), file.prefix().string());
}

}  // namespace

SampleStream::SampleStream(std::span<const DataSource> sources, const SampleStreamOptions& options)
    : options_(options) {
  check(options.samples_needed >= 1 && options.samples_needed < int64_t{1} << 40,
        "[data] {} samples", options.samples_needed);
  auto weights = weights_of(sources);
  int64_t total = std::ssize(sources);
  for (size_t i = 0; i < sources.size(); ++i) {
    if (options.progress) options.progress(int64_t(i), total);
    sources_.push_back(open(sources[i], weights[i]));
    has_labels_ |= sources_.back().labels.has_value();
  }
  mixture_ = Mixture(weights, options.samples_needed);
  if (options.progress) options.progress(total, total);
}

SampleStream::Source SampleStream::open(const DataSource& s, double share) const {
  Source out{TokenFile(s.prefix), {}, {}, 0, share};
  double samples = std::ceil(double(options_.samples_needed) * share * kSlack);
  // A source of weight 0 is never read, but its file must still be there and sound.
  SampleOrderSpec spec{
      s.first_document,    s.end_document < 0 ? out.file.documents() : s.end_document,
      options_.seq_length, std::max(int64_t(samples), int64_t{1}),
      options_.seed,       options_.epoch_shuffle};
  out.tokens = sample_order_size(out.file, spec).tokens;
  if (!s.labels.empty()) check_labels(out.file, out.labels.emplace(s.labels));
  if (!options_.only_plan) out.order.emplace(out.file, spec, options_.cache);
  return out;
}

const SampleStream::Source& SampleStream::source_of(const Mixture::Pick& pick) const {
  const Source& source = sources_[size_t(pick.source)];
  check(source.order.has_value(), "[data] a stream that only plans has no samples");
  return source;
}

void SampleStream::sample(int64_t index, std::span<int32_t> out) const {
  Mixture::Pick pick = mixture_.at(index);
  const Source& source = source_of(pick);
  source.order->read(source.file, pick.index, out);
  for (int32_t id : out)
    if (id >= options_.vocab_size) refuse_id(source, pick.index);
}

void SampleStream::labels(int64_t index, std::span<int32_t> out) const {
  Mixture::Pick pick = mixture_.at(index);
  const Source& source = source_of(pick);
  if (!source.labels) return source.order->read(source.file, pick.index, out);
  source.order->read_labels(*source.labels, pick.index, out);
  for (int32_t label : out)
    check_data(label < options_.vocab_size, "{}: the label {} is outside the vocabulary of {}",
               source.labels->prefix().string(), label, options_.vocab_size);
}

void SampleStream::refuse_id(const Source& source, int64_t index) const {
  for (const SamplePiece& piece : source.order->pieces(source.file, index)) {
    std::vector<int32_t> ids(size_t(piece.count));
    source.file.read(piece.document, piece.begin, ids);
    for (size_t i = 0; i < ids.size(); ++i)
      check_data(ids[i] < options_.vocab_size,
                 "{}: token {} of document {} is the id {}, outside the vocabulary of {}; was it "
                 "prepared with another tokenizer?",
                 source.file.prefix().string(), piece.begin + int64_t(i), piece.document, ids[i],
                 options_.vocab_size);
  }
  fail(ErrorKind::kCorrupt, "{}: changed while it was read", source.file.prefix().string());
}

SampleStream::Origin SampleStream::origin(int64_t index) const {
  Mixture::Pick pick = mixture_.at(index);
  const Source& source = source_of(pick);
  Origin out{size_t(pick.source),
             source.file.prefix().string(),
             pick.index,
             {},
             source.order->pieces(source.file, pick.index)};
  for (const SamplePiece& piece : out.pieces) out.documents.push_back(piece.document);
  return out;
}

std::vector<SampleStream::Usage> SampleStream::usage(int64_t samples) const {
  std::vector<Usage> out;
  auto used = mixture_.used(samples);
  for (size_t i = 0; i < sources_.size(); ++i) {
    int64_t tokens = used[i] * options_.seq_length;
    out.push_back({sources_[i].file.prefix().string(), used[i], tokens,
                   double(tokens) / double(sources_[i].tokens)});
  }
  return out;
}

std::vector<SampleStream::SourceSize> SampleStream::source_sizes() const {
  std::vector<SourceSize> out;
  for (const Source& s : sources_) out.push_back({s.file.documents(), s.file.tokens(), s.share});
  return out;
}

}  // namespace slm
