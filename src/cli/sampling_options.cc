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

}  // namespace

CLI::Option* SamplingFlags::add_filter(CLI::App& app, const char* flag, Value value,
                                       const char* help) {
  return std::visit(
      [&](auto member) {
        return app.add_option(flag, sampling.*member, help)->capture_default_str()->group(kGroup);
      },
      value);
}

void SamplingFlags::add_filters(CLI::App& app) {
  struct Filter {
    const char* flag;
    std::string_view key;
    Value value;
    const char* help;
  };
  using S = SamplingOptions;
  const Filter filters[] = {
      {"--temperature", "temperature", &S::temperature,
       "Below 1 prefers likely tokens, above 1 evens out; 0 always takes the likeliest"},
      {"--top-k", "top_k", &S::top_k, "Only the K likeliest tokens; 0: all"},
      {"--top-p", "top_p", &S::top_p,
       "Only the likeliest tokens that together reach probability P"},
      {"--min-p", "min_p", &S::min_p, "Only tokens at least P times as likely as the likeliest"},
      {"--typical-p", "typical_p", &S::typical_p, "Only the most typical tokens that reach P"},
      {"--epsilon-cutoff", "epsilon_cutoff", &S::epsilon_cutoff,
       "Only tokens of at least this probability"},
      {"--eta-cutoff", "eta_cutoff", &S::eta_cutoff, "The same, lower where the model is unsure"},
      {"--repetition-penalty", "repetition_penalty", &S::repetition_penalty,
       "Above 1 makes tokens that already occurred less likely"},
      {"--no-repeat-ngram", "no_repeat_ngram_size", &S::no_repeat_ngram,
       "Never the same N tokens twice; 0: off"},
  };
  for (const Filter& f : filters)
    recommended_.push_back({f.key, f.value, add_filter(app, f.flag, f.value, f.help)});
}

void SamplingFlags::take_recommended(const Json& generation_config) {
  if (!generation_config.is_object()) return;
  JsonObject config(generation_config, "generation_config.json");
  for (const Recommended& r : recommended_) {
    if (r.flag->count() > 0 || !config.has(r.key)) continue;
    if (auto real = std::get_if<double SamplingOptions::*>(&r.value))
      sampling.** real = config.number(r.key);
    else
      sampling.*std::get<int64_t SamplingOptions::*>(r.value) = config.integer(r.key);
  }
  bool temperature_given = recommended_.front().flag->count() > 0;  // add_filters puts it first
  if (!temperature_given && !config.boolean_or("do_sample", true)) sampling.temperature = 0;
}

void SamplingFlags::add_to(CLI::App& app) {
  add_filters(app);
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
  app.add_option("--cache-type,--cache-dtype", cache_type,
                 "Number format of the kept keys and values: f32, f16, bf16, q8_0 or q4_0")
      ->check(CLI::IsMember({"f32", "f16", "bf16", "q8_0", "q4_0"}).description("TYPE"))
      ->capture_default_str();
}

SamplingOptions SamplingFlags::seeded() const {
  SamplingOptions result = sampling;
  std::random_device entropy;
  result.seed = seed ? *seed : uint64_t{entropy()};
  return result;
}

GeneratorOptions SamplingFlags::generator_options(const DecoderSpec& spec) const {
  check(context <= spec.max_positions || spec.positions != Positions::kLearned,
        "--context {}: the model has a table of {} positions and cannot read on beyond it", context,
        spec.max_positions);
  if (context > spec.max_positions)
    std::fprintf(stderr,
                 "stablelm: a context of %lld is more than the %lld positions the model was "
                 "trained for; expect nonsense beyond them\n",
                 static_cast<long long>(context), static_cast<long long>(spec.max_positions));
  return {.context = context > 0 ? context : spec.max_positions, .cache_dtype = cache_dtype()};
}

RunSizes SamplingFlags::run_sizes() const { return {.context = context, .cache = cache_dtype()}; }

DType SamplingFlags::cache_dtype() const {
  std::optional<DType> dtype = dtype_from_name(cache_type);
  check(dtype.has_value(), "--cache-type {}: expected f32, f16, bf16, q8_0 or q4_0", cache_type);
  return *dtype;
}

std::string describe(const GenerationTimings& t) {
  std::string reused = t.reused_tokens > 0 ? format(" ({} kept)", t.reused_tokens) : "";
  std::string guessed = t.proposed_tokens > 0 ? format(", {} of {} proposed tokens accepted",
                                                       t.accepted_tokens, t.proposed_tokens)
                                              : "";
  return format(
      "{} prompt tokens{} in {:.2f} s ({:.0f} per s), {} new in {:.2f} s ({:.1f} per s){}",
      t.prompt_tokens, reused, t.prefill_seconds, t.prefill_rate(), t.new_tokens, t.decode_seconds,
      t.decode_rate(), guessed);
}

}  // namespace slm
