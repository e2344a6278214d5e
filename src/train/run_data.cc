#include "train/run_data.h"

#include "util/checked.h"
#include "util/error.h"

namespace slm {
namespace {

SampleStream open_stream(const RunConfig& config, const std::vector<std::string>& paths,
                         const std::vector<double>& weights, int64_t samples, int64_t vocab) {
  std::vector<DataSource> sources;
  for (size_t i = 0; i < paths.size(); ++i)
    if (weights[i] > 0) sources.push_back({.prefix = paths[i], .weight = weights[i]});
  // The generator that shuffles takes 32 bits of seed, as upstream's does.
  return SampleStream(sources, {.seq_length = config.shape.seq_length,
                                .samples_needed = samples,
                                .seed = uint32_t(config.data.seed),
                                .vocab_size = vocab});
}

// The same samples of files that say what to predict; absent when there are none.
std::optional<SampleStream> open_labels(const RunConfig& config, std::string_view kind,
                                        const std::vector<std::string>& labels,
                                        const std::vector<std::string>& paths,
                                        const std::vector<double>& weights, int64_t samples,
                                        int64_t vocab) {
  if (labels.empty()) return {};
  check(labels.size() == paths.size(),
        "[config] {0}_label_data_paths has {1} entries, {0}_data_paths {2}: each needs its own",
        kind, labels.size(), paths.size());
  for (size_t i = 0; i < paths.size(); ++i) {
    TokenFile tokens(paths[i]), label(labels[i]);
    check_data(tokens.documents() == label.documents() && tokens.tokens() == label.tokens(),
               "{}: {} labels in {} documents, {} has {} tokens in {}", labels[i], label.tokens(),
               label.documents(), paths[i], tokens.tokens(), tokens.documents());
  }
  return open_stream(config, labels, weights, samples, vocab);
}

}  // namespace

RunData open_run_data(const RunConfig& c, int64_t vocab) {
  check(!c.data.train.empty(),
        "[config] there is no training data: give train_data_paths, or --data PREFIX, made by "
        "`stablelm data prepare`");
  int64_t needed =
      checked_mul(c.schedule.train_steps, c.batch.global, "[config] samples of the run");
  RunData data{open_stream(c, c.data.train, c.data.train_weights, needed, vocab), {}, {}, {}, {}};
  data.train_labels = open_labels(c, "train", c.data.train_labels, c.data.train,
                                  c.data.train_weights, needed, vocab);
  data.valid_batches = c.watching.eval_batches;
  int64_t held_out = checked_mul(data.valid_batches, c.batch.global, "[config] eval_iters");
  if (!c.data.valid.empty() && held_out > 0)
    data.valid = open_stream(c, c.data.valid, c.data.valid_weights, held_out, vocab);
  if (held_out > 0)
    data.valid_labels = open_labels(c, "valid", c.data.valid_labels, c.data.valid,
                                    c.data.valid_weights, held_out, vocab);
  if (!c.data.test.empty() && held_out > 0)
    data.test = open_stream(c, c.data.test, c.data.test_weights, held_out, vocab);
  return data;
}

Json data_fingerprint(const RunConfig& c, const SampleStream& train) {
  Json sources = Json::array();
  for (size_t i = 0; i < c.data.train.size(); ++i) {
    TokenFile file(c.data.train[i]);
    sources.push_back({{"documents", file.documents()},
                       {"tokens", file.tokens()},
                       {"weight", c.data.train_weights[i]}});
  }
  return {{"seed", c.data.seed},
          {"seq_length", c.shape.seq_length},
          {"stream_samples", train.size()},
          {"sources", sources}};
}

SampleSource source_of(const SampleStream& stream) {
  return [&stream](int64_t index, std::span<int32_t> tokens) {
    stream.sample(index % stream.size(), tokens);
  };
}

}  // namespace slm
