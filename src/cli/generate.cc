// stablelm generate: continues a text.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <iterator>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/model_options.h"
#include "cli/sampling_options.h"
#include "cli/terminal.h"
#include "util/error.h"
#include "util/files.h"

namespace slm {
namespace {

struct GenerateOptions {
  ModelOptions model;
  SamplingFlags sampling;
  std::optional<std::string> prompt, prompt_file;
  std::vector<int32_t> prompt_ids;
  std::string output = "text";
  bool stats = false;
};

constexpr const char* kFooter =
    "Only the continuation is printed, as it comes. --format json prints one line at the end:\n"
    "  {\"prompt_ids\":[...],\"ids\":[...],\"text\":\"...\",\"finish_reason\":\"stop|length\"}\n"
    "Examples:\n"
    "  stablelm generate --prompt 'Once upon a time' --max-new-tokens 64\n"
    "  stablelm generate MODEL --prompt-file story.txt --temperature 0\n"
    "  stablelm generate MODEL --prompt 'Q: 2+2? A:' --stop Q: --seed 1 --format json\n"
    "  stablelm generate MODEL --prompt-ids 50278,12092,50279";

std::string prompt_text(const GenerateOptions& options) {
  if (options.prompt) return *options.prompt;
  if (*options.prompt_file != "-") return read_file(*options.prompt_file, int64_t{1} << 26);
  return {std::istreambuf_iterator<char>(std::cin), {}};
}

// What an empty prompt begins with, where the model has such a token.
std::vector<int32_t> first_token(const Model& model) {
  if (model.tokenizer && model.tokenizer->bos()) return {*model.tokenizer->bos()};
  check(!model.stop_ids.empty(), "the prompt is empty; give at least one token");
  return {model.stop_ids.front()};
}

std::vector<int32_t> prompt_ids(const GenerateOptions& options, const Model& model) {
  if (!options.prompt_ids.empty()) return options.prompt_ids;
  check(model.tokenizer != nullptr,
        "the model has no tokenizer, so it cannot read text; use --prompt-ids 1,2,3");
  std::vector<int32_t> ids =
      model.tokenizer->encode(prompt_text(options), {.bos = model.tokenizer->adds_bos()});
  return ids.empty() ? first_token(model) : ids;
}

GenerationRequest make_request(const GenerateOptions& options, const Model& model) {
  const SamplingFlags& flags = options.sampling;
  GenerationRequest request{.prompt = prompt_ids(options, model),
                            .sampling = flags.seeded(),
                            .max_new_tokens = flags.max_new_tokens,
                            .stop_strings = flags.stop};
  if (!flags.ignore_eos) request.stop_ids = model.stop_ids;
  return request;
}

void print_json(const GenerationRequest& request, const GenerationResult& result) {
  Json line{{"prompt_ids", request.prompt},
            {"ids", result.ids},
            {"text", result.text},
            {"finish_reason", name(result.finish_reason)}};
  std::puts(line.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
}

Generator::OnToken streamer(bool terminal) {
  return [terminal](int32_t, std::string_view text) {
    std::string shown = terminal ? without_controls(text) : std::string(text);
    std::fwrite(shown.data(), 1, shown.size(), stdout);
    std::fflush(stdout);
  };
}

void run(GenerateOptions& options) {
  Model model = options.model.load();
  options.sampling.take_recommended(model.config.generation);
  std::unique_ptr<Backend> backend = options.model.make_backend();
  GenerationRequest request = make_request(options, model);
  Decoder decoder = model.decoder();
  GeneratorOptions limits = options.sampling.generator_options(decoder.spec());
  int64_t wanted = std::clamp<int64_t>(request.max_new_tokens, 1, limits.context);
  limits.context = std::min(limits.context, int64_t(request.prompt.size()) + wanted);
  Generator generator(decoder, *backend, model.tokenizer.get(), limits);

  bool json = options.output == "json", terminal = on_terminal(stdout);
  InterruptGuard guard;
  GenerationResult result = generator.generate(
      request, json ? Generator::OnToken{} : streamer(terminal), &InterruptGuard::flag());
  if (json) print_json(request, result);
  if (!json && terminal) std::putchar('\n');
  if (!json && !model.tokenizer)
    std::fputs("stablelm: the model has no tokenizer; --format json shows the ids\n", stderr);
  if (options.stats || (terminal && on_terminal(stderr)))
    std::fprintf(stderr, "%s, seed %llu\n", describe(result.timings).c_str(),
                 static_cast<unsigned long long>(request.sampling.seed));
  if (result.finish_reason == FinishReason::kCancelled) end_by_interrupt();
}

}  // namespace

void add_generate_command(CLI::App& app) {
  auto options = std::make_shared<GenerateOptions>();
  CLI::App* command = app.add_subcommand("generate", "Continue a text");
  command->footer(kFooter);
  options->model.add_to(*command, false);
  CLI::Option_group* prompt = command->add_option_group("Prompt", "What to continue:");
  prompt->add_option("--prompt", options->prompt, "The text to continue");
  prompt->add_option("--prompt-file", options->prompt_file,
                     "A file with the text to continue; - reads standard input");
  prompt->add_option("--prompt-ids", options->prompt_ids, "The same as token ids: 1,2,3")
      ->delimiter(',')
      ->allow_extra_args(false);
  prompt->require_option(1);
  options->sampling.add_to(*command);
  command->add_option("--format", options->output, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->add_flag("--stats", options->stats, "Print timings on standard error, also to a pipe");
  command->callback([options] { run(*options); });
}

}  // namespace slm
