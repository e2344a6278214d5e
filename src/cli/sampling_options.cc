#include "cli/sampling_options.h"

#include <cstdio>
#include <limits>
#include <random>

#include "util/error.h"

namespace slm {
namespace {

constexpr const char* kGroup = "Choosing tokens";

CLI::Validator at_least_zero() {
  return CLI::Range(int64_t{0}, std::numeric_limits<int64_t>::max()).description("");
}

void add_filters(CLI::App& app, SamplingOptions& s) {
  app.add_option("--temperature", s.temperature,
                 "Below 1 prefers likely tokens, above 1 evens out; 0 always takes the likeliest")
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--top-k", s.top_k, "Only the K likeliest tokens; 0: all")
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--top-p", s.top_p, "Only the likeliest tokens that together reach probability P")
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--min-p", s.min_p, "Only tokens at least P times as likely as the likeliest")
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--typical-p", s.typical_p, "Only the most typical tokens that reach P")
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--epsilon-cutoff", s.epsilon_cutoff, "Only tokens of at least this probability")
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--eta-cutoff", s.eta_cutoff, "The same, lower where the model is unsure")
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--repetition-penalty", s.repetition_penalty,
                 "Above 1 makes tokens that already occurred less likely")
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--no-repeat-ngram", s.no_repeat_ngram, "Never the same N tokens twice; 0: off")
      ->capture_default_str()
      ->group(kGroup);
}

}  // namespace

void SamplingFlags::add_to(CLI::App& app) {
  add_filters(app, sampling);
  app.add_option("--seed", seed,
                 "The same seed, prompt and flags give the same text "
                 "(default: a new seed every time)")
      ->group(kGroup);
  app.add_option("--max-new-tokens", max_new_tokens, "Most tokens to generate")
      ->check(at_least_zero())
      ->capture_default_str();
  app.add_option("--min-new-tokens", sampling.min_new_tokens,
                 "Do not choose a stop token before this many")
      ->capture_default_str();
  app.add_option("--stop", stop, "End the text before this string; may be given several times")
      ->allow_extra_args(false);
  app.add_flag("--ignore-eos", ignore_eos, "Go on after the model's end-of-text tokens");
  app.add_option("--context", context,
                 "Most tokens of prompt and output together (default: what the model was made for)")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 24).description(""));
  app.add_option("--cache-dtype", cache_dtype, "Number format of the kept keys and values")
      ->check(CLI::IsMember({"f32", "bf16", "f16"}))
      ->capture_default_str();
}

SamplingOptions SamplingFlags::seeded() const {
  SamplingOptions result = sampling;
  std::random_device entropy;
  result.seed = seed ? *seed : uint64_t{entropy()};
  return result;
}

GeneratorOptions SamplingFlags::generator_options(const DecoderSpec& spec) const {
  if (context > spec.max_positions)
    std::fprintf(stderr,
                 "stablelm: a context of %lld is more than the %lld positions the model was "
                 "trained for; expect nonsense beyond them\n",
                 static_cast<long long>(context), static_cast<long long>(spec.max_positions));
  std::optional<DType> dtype = dtype_from_name(cache_dtype);
  check(dtype.has_value(), "--cache-dtype {}: expected f32, bf16 or f16", cache_dtype);
  return {.context = context > 0 ? context : spec.max_positions, .cache_dtype = *dtype};
}

std::string describe(const GenerationTimings& t) {
  std::string reused = t.reused_tokens > 0 ? format(" ({} kept)", t.reused_tokens) : "";
  return format("{} prompt tokens{} in {:.2f} s ({:.0f} per s), {} new in {:.2f} s ({:.1f} per s)",
                t.prompt_tokens, reused, t.prefill_seconds, t.prefill_rate(), t.new_tokens,
                t.decode_seconds, t.decode_rate());
}

}  // namespace slm
