#include "cli/scoring_options.h"

#include <charconv>

#include "eval/scoring/scorer.h"
#include "util/error.h"

namespace slm {
namespace {

// Batches of which a quarter is worth while (limits_by_memory), and a text that is continued.
constexpr RunSizes kScoring{
    .texts = 1, .context = 2048, .cache = DType::kF32, .pass_tokens = 1024, .logit_rows = 512};

EvaluatedModel evaluated(const Model& model, const Decoder& decoder, Backend& backend,
                         int64_t max_length, bool add_special_tokens) {
  check(model.tokenizer != nullptr, "the model has no tokenizer, so it cannot read texts");
  int64_t length = max_length > 0 ? max_length : harness_max_length(model.config);
  return {decoder,
          backend,
          *model.tokenizer,
          {.max_length = length,
           .end_of_text = end_of_text(*model.tokenizer, model.config),
           .add_special_tokens = add_special_tokens}};
}

}  // namespace

ScoringModel::ScoringModel(const ModelOptions& options, int64_t max_length, bool add_special_tokens)
    : opened_(options.open(kScoring)),
      decoder_(opened_.model.decoder()),
      evaluated_(slm::evaluated(opened_.model, decoder_, *opened_.backend, max_length,
                                add_special_tokens)) {}

void ScoringFlags::add_to(CLI::App& command) {
  model.add_to(command, true);
  command
      .add_option("--batch-size", batch_size,
                  "Most texts in one pass of the model; auto: what memory holds. Makes no "
                  "difference to the results")
      ->capture_default_str();
  command
      .add_option("--max-length", max_length,
                  "Most tokens the model reads, longer texts are cut from the left (default: the "
                  "model's positions)")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 24));
  command.add_flag("--add-special-tokens", add_special_tokens,
                   "Begin texts with the begin-of-text token, where the tokenizer is used to it");
  command.add_flag("--no-cache", no_cache,
                   "Neither use nor keep scores in OUTPUT.cache, from which a run that was "
                   "interrupted goes on");
}

BatchLimits ScoringFlags::limits(const ScoringModel& scoring) const {
  const EvaluatedModel& scored = scoring.evaluated();
  BatchLimits limits = limits_by_memory(scored.decoder, scored.backend);
  if (batch_size.starts_with("auto")) return limits;
  auto [end, error] =
      std::from_chars(batch_size.data(), batch_size.data() + batch_size.size(), limits.texts);
  check(error == std::errc{} && end == batch_size.data() + batch_size.size() && limits.texts > 0,
        "--batch-size {}: expected auto or a number of texts", batch_size);
  return limits;
}

std::unique_ptr<ScoreCache> ScoringFlags::open_cache(const std::string& output,
                                                     const ScoringModel& scoring,
                                                     Comm& comm) const {
  if (no_cache || output.empty()) return nullptr;
  auto say = [](const std::string& text) { fmt::print(stderr, "stablelm: {}\n", text); };
  auto cache =
      std::make_unique<ScoreCache>(output + ".cache", scoring.fingerprint(), comm.rank(), say);
  comm.barrier();  // all have read before any writes
  return cache;
}

}  // namespace slm
