#include "train/run_data.h"

#include <array>
#include <cmath>
#include <numeric>

#include "data/splits.h"
#include "util/checked.h"
#include "util/error.h"
#include "util/progress.h"

namespace slm {
namespace {

// The three uses of data, in the order of a split.
enum class Use { kTrain, kValid, kTest };

// Small sources are drawn more often than their share of the documents when alpha is below 1.
// After GPT-NeoX's weighting by documents: share^alpha, times what is not in the source.
void weigh_by_documents(std::vector<DataSource>& sources, double alpha) {
  if (sources.size() < 2) return;
  double total = 0;
  for (DataSource& s : sources) total += s.weight = double(TokenFile(s.prefix).documents());
  check(total > 0, "[config] weight_by_num_documents: the data holds no documents");
  for (DataSource& s : sources)
    s.weight = std::pow(s.weight / total, alpha) * (1 - s.weight / total);
}

std::vector<DataSource> listed_sources(const RunConfig::Data& d, Use use) {
  using Paths = const std::vector<std::string>*;
  constexpr size_t kUses = 3;
  std::array<Paths, kUses> paths{&d.train, &d.valid, &d.test};
  std::array<Paths, kUses> labels{&d.train_labels, &d.valid_labels, &d.test_labels};
  std::array<const std::vector<double>*, kUses> weights{&d.train_weights, &d.valid_weights,
                                                        &d.test_weights};
  size_t u = size_t(use);
  std::vector<DataSource> sources;
  for (size_t i = 0; i < paths[u]->size(); ++i) {
    DataSource s{.prefix = (*paths[u])[i], .weight = (*weights[u])[i]};
    if (!labels[u]->empty()) s.labels = (*labels[u])[i];
    if (s.weight > 0 || d.weight_by_documents) sources.push_back(std::move(s));
  }
  if (d.weight_by_documents) weigh_by_documents(sources, d.weight_alpha);
  return sources;
}

// Nothing where the split leaves no documents.
std::vector<DataSource> split_source(const RunConfig::Data& d, Use use) {
  auto bounds = split_boundaries(d.split, TokenFile(d.path).documents());
  int64_t first = bounds[size_t(use)], end = bounds[size_t(use) + 1];
  if (first == end) return {};
  return {{.prefix = d.path, .first_document = first, .end_document = end}};
}

std::vector<DataSource> sources_for(const RunConfig::Data& d, Use use) {
  return d.path.empty() ? listed_sources(d, use) : split_source(d, use);
}

SampleStream open_stream(const RunConfig& config, const std::vector<DataSource>& sources,
                         int64_t samples, const RunDataOptions& options) {
  Progress progress({.label = "ordering the data", .total = std::ssize(sources)});
  std::filesystem::path cache = config.data.cache;
  if (cache.empty() && !config.saving.save.empty())
    cache = std::filesystem::path(config.saving.save) / "data_cache";
  // The generator that shuffles takes 32 bits of seed, as upstream's does.
  return SampleStream(sources, {.seq_length = config.shape.seq_length,
                                .samples_needed = samples,
                                .seed = uint32_t(config.data.seed),
                                .epoch_shuffle = epoch_shuffle_named(config.data.epoch_shuffle),
                                .vocab_size = options.vocab,
                                .cache = cache,
                                .only_plan = options.only_plan,
                                .progress = [&](int64_t done, int64_t) { progress.update(done); }});
}

}  // namespace

RunData open_run_data(const RunConfig& c, const RunDataOptions& options) {
  auto train = sources_for(c.data, Use::kTrain);
  check(!train.empty(),
        "[config] there is no training data: give train_data_paths, or --data PREFIX, made by "
        "`stablelm data prepare`");
  int64_t needed =
      checked_mul(c.schedule.train_steps, c.batch.global, "[config] samples of the run");
  RunData data{open_stream(c, train, needed, options), {}, {}};
  data.valid_batches = c.watching.eval_batches;
  int64_t held_out = checked_mul(data.valid_batches, c.batch.global, "[config] eval_iters");
  auto open_held_out = [&](Use use) -> std::optional<SampleStream> {
    auto sources = sources_for(c.data, use);
    if (sources.empty() || held_out == 0) return {};
    return open_stream(c, sources, held_out, options);
  };
  data.valid = open_held_out(Use::kValid);
  data.test = open_held_out(Use::kTest);
  return data;
}

Json data_fingerprint(const RunConfig& c, const SampleStream& train) {
  Json sources = Json::array();
  for (const auto& s : train.source_sizes())
    sources.push_back({{"documents", s.documents}, {"tokens", s.tokens}, {"share", s.share}});
  Json out{{"seed", c.data.seed},
           {"seq_length", c.shape.seq_length},
           {"epoch_shuffle", c.data.epoch_shuffle},
           {"stream_samples", train.size()},
           {"sources", sources}};
  if (!c.data.path.empty()) out["split"] = c.data.split;
  return out;
}

SampleSource source_of(const SampleStream& stream) {
  return [&stream](int64_t index, std::span<int32_t> tokens) {
    stream.sample(index % stream.size(), tokens);
    if (!stream.has_labels()) return;
    std::vector<int32_t> labels(tokens.size());
    stream.labels(index % stream.size(), labels);
    for (size_t i = 0; i < tokens.size(); ++i)
      if (labels[i] < 0) tokens[i] = without_loss(tokens[i]);
  };
}

}  // namespace slm
