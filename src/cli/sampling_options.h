// The flags that say how text is chosen and when it ends, the same for every command that
// generates.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "generate/generator.h"
#include "model/layer_fit.h"
#include "util/json.h"

namespace slm {

// Defaults are what the model's generation_config.json says, else those of the StableLM notebook:
// temperature 0.7, nucleus of 0.9.
struct SamplingFlags {
  SamplingOptions sampling{.temperature = 0.7, .top_p = 0.9};
  std::optional<uint64_t> seed;
  int64_t max_new_tokens = 128;
  std::vector<std::string> stop;
  bool ignore_eos = false;
  int64_t context = 0;
  std::string cache_type = "f16";

  void add_to(CLI::App& app);

  // Takes from a generation_config.json (or null) what it recommends, for every flag that was not
  // given. "do_sample": false is a temperature of 0.
  void take_recommended(const Json& generation_config);

  // `sampling` with a seed: the one given, else a new one at every call.
  SamplingOptions seeded() const;
  // With the context as given, else the model's; says so on stderr when it exceeds the model's.
  GeneratorOptions generator_options(const DecoderSpec& spec) const;
  // What a text keeps in memory, before the model is known.
  RunSizes run_sizes() const;

 private:
  using Value = std::variant<double SamplingOptions::*, int64_t SamplingOptions::*>;
  struct Recommended {
    std::string_view key;  // in generation_config.json
    Value value;
    const CLI::Option* flag;
  };
  DType cache_dtype() const;
  CLI::Option* add_filter(CLI::App& app, const char* flag, Value value, const char* help);
  void add_filters(CLI::App& app);

  std::vector<Recommended> recommended_;
};

// "412 prompt tokens in 0.61 s (675 per s), 128 new in 3.02 s (42 per s)"
std::string describe(const GenerationTimings& timings);

}  // namespace slm
