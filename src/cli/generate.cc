// stablelm generate: continues a text.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <sstream>

#include "cli/commands.h"
#include "cli/generate_many.h"
#include "cli/interrupt.h"
#include "cli/model_options.h"
#include "cli/sampling_options.h"
#include "cli/speculation_options.h"
#include "cli/terminal.h"
#include "util/error.h"
#include "util/files.h"

namespace slm {
namespace {

struct GenerateOptions {
  ModelOptions model;
  SamplingFlags sampling;
  SpeculationFlags speculation;
  std::vector<std::string> prompts;
  std::optional<std::string> prompt_file, prompt_list;
  std::vector<int32_t> prompt_ids;
  int64_t parallel = 8;
  std::string output = "text";
  bool stats = false;
};

constexpr const char* kFooter =
    "Only the continuation is printed, as it comes. --format json prints one line at the end:\n"
    "  {\"prompt_ids\":[...],\"ids\":[...],\"text\":\"...\",\"finish_reason\":\"stop|length\"}\n"
    "Several prompts are continued together, --parallel at a time, and printed in their order; "
    "what\n"
    "they begin with alike is read once. Each line of --prompts is {\"prompt\": \"...\"} or a "
    "string.\n"
    "Examples:\n"
    "  stablelm generate --prompt 'Once upon a time' --max-new-tokens 64\n"
    "  stablelm generate MODEL --prompt-file story.txt --temperature 0\n"
    "  stablelm generate MODEL --prompts questions.jsonl --format json\n"
    "  stablelm generate MODEL --prompt-file essay.txt --speculate prompt-lookup\n"
    "  stablelm generate MODEL --prompt 'Q: 2+2? A:' --stop Q: --seed 1 --format json\n"
    "  stablelm generate MODEL --prompt-ids 50278,12092,50279";

constexpr int64_t kMostPromptBytes = int64_t{1} << 26;

std::string whole_text(const std::string& file) {
  if (file != "-") return read_file(file, kMostPromptBytes);
  return {std::istreambuf_iterator<char>(std::cin), {}};
}

// One prompt a line: {"prompt": "..."} or "...".
std::vector<std::string> listed_prompts(const std::string& file) {
  std::istringstream lines(whole_text(file));
  std::vector<std::string> prompts;
  int64_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    std::string origin = format("{}: line {}", file, number);
    Json json = parse_json(line, origin);
    prompts.push_back(json.is_string() ? json.get<std::string>()
                                       : JsonObject(json, origin).string("prompt"));
  }
  check_data(!prompts.empty(), "{}: no prompts in it", file);
  return prompts;
}

// What an empty prompt begins with, where the model has such a token.
std::vector<int32_t> first_token(const Model& model) {
  if (model.tokenizer && model.tokenizer->bos()) return {*model.tokenizer->bos()};
  check(!model.stop_ids.empty(), "the prompt is empty; give at least one token");
  return {model.stop_ids.front()};
}

std::vector<int32_t> encoded(const std::string& text, const Model& model) {
  std::vector<int32_t> ids = model.tokenizer->encode(text, {.bos = model.tokenizer->adds_bos()});
  return ids.empty() ? first_token(model) : ids;
}

// None when the prompt is given as ids.
std::vector<std::string> prompt_texts(const GenerateOptions& options) {
  if (options.prompt_file) return {whole_text(*options.prompt_file)};
  if (options.prompt_list) return listed_prompts(*options.prompt_list);
  return options.prompts;
}

// No token stands for less than a byte, but for those that tokenizers begin texts with.
RunSizes run_sizes(const GenerateOptions& options, const std::vector<std::string>& texts) {
  constexpr int64_t kBegin = 2, kMost = int64_t{1} << 40;
  RunSizes sizes = options.sampling.run_sizes();
  sizes.texts = std::clamp<int64_t>(std::ssize(texts), 1, options.parallel);
  sizes.longest = std::ssize(options.prompt_ids);
  for (const std::string& text : texts) sizes.longest = std::max(sizes.longest, std::ssize(text));
  sizes.longest += kBegin + std::min(options.sampling.max_new_tokens, kMost);
  sizes.other = options.speculation.draft_bytes();
  return sizes;
}

std::vector<std::vector<int32_t>> all_prompts(const GenerateOptions& options,
                                              const std::vector<std::string>& texts,
                                              const Model& model) {
  if (!options.prompt_ids.empty()) return {options.prompt_ids};
  check(model.tokenizer != nullptr,
        "the model has no tokenizer, so it cannot read text; use --prompt-ids 1,2,3");
  std::vector<std::vector<int32_t>> prompts;
  for (const std::string& text : texts) prompts.push_back(encoded(text, model));
  return prompts;
}

// All with one seed; the streams of random numbers tell them apart.
std::vector<GenerationRequest> make_requests(const GenerateOptions& options,
                                             const std::vector<std::string>& texts,
                                             const Model& model) {
  const SamplingFlags& flags = options.sampling;
  SamplingOptions sampling = flags.seeded();
  std::vector<GenerationRequest> requests;
  for (std::vector<int32_t>& prompt : all_prompts(options, texts, model)) {
    requests.push_back({.prompt = std::move(prompt),
                        .sampling = sampling,
                        .max_new_tokens = flags.max_new_tokens,
                        .stop_strings = flags.stop,
                        .stream = uint64_t(requests.size())});
    if (!flags.ignore_eos) requests.back().stop_ids = model.stop_ids;
  }
  return requests;
}

Generator::OnToken streamer(bool terminal) {
  return [terminal](int32_t, std::string_view text) {
    std::string shown = terminal ? without_controls(text) : std::string(text);
    std::fwrite(shown.data(), 1, shown.size(), stdout);
    std::fflush(stdout);
  };
}

// What generation runs with; must outlive it.
struct Engine {
  const Model& model;
  Backend& backend;
  Decoder decoder;
  GeneratorOptions limits;
};

// With a context of what the longest request needs at most.
Engine make_engine(const GenerateOptions& options, const Model& model, Backend& backend,
                   const std::vector<GenerationRequest>& requests) {
  Engine engine{model, backend, model.decoder(),
                options.sampling.generator_options(model.config.spec)};
  int64_t longest = 1, context = engine.limits.context;
  for (const GenerationRequest& r : requests)
    longest =
        std::max(longest, std::ssize(r.prompt) + std::clamp<int64_t>(r.max_new_tokens, 1, context));
  engine.limits.context = std::min(context, longest);
  engine.limits.speculation = options.speculation.options(model, backend, engine.limits.context);
  return engine;
}

void run_many(const GenerateOptions& options, const Engine& engine,
              const std::vector<GenerationRequest>& requests) {
  BatchGenerator batch(engine.decoder, engine.backend, engine.model.tokenizer.get(),
                       {.slots = std::min(options.parallel, std::ssize(requests)),
                        .context = engine.limits.context,
                        .cache_dtype = engine.limits.cache_dtype,
                        .speculation = engine.limits.speculation});
  InterruptGuard guard;
  if (!generate_many(batch, requests, options.output == "json")) end_by_interrupt();
}

void run_one(const GenerateOptions& options, const Engine& engine,
             const GenerationRequest& request) {
  Generator generator(engine.decoder, engine.backend, engine.model.tokenizer.get(), engine.limits);
  bool json = options.output == "json", terminal = on_terminal(stdout);
  InterruptGuard guard;
  GenerationResult result = generator.generate(
      request, json ? Generator::OnToken{} : streamer(terminal), &InterruptGuard::flag());
  if (json) std::puts(json_line(request, result).c_str());
  if (!json && terminal) std::putchar('\n');
  if (!json && !engine.model.tokenizer)
    std::fputs("stablelm: the model has no tokenizer; --format json shows the ids\n", stderr);
  if (options.stats || (terminal && on_terminal(stderr)))
    std::fprintf(stderr, "%s, seed %llu\n", describe(result.timings).c_str(),
                 static_cast<unsigned long long>(request.sampling.seed));
  if (result.finish_reason == FinishReason::kCancelled) end_by_interrupt();
}

void run(GenerateOptions& options) {
  std::vector<std::string> texts = prompt_texts(options);
  auto [backend, model, note] = options.model.open(run_sizes(options, texts));
  options.sampling.take_recommended(model.config.generation);
  std::vector<GenerationRequest> requests = make_requests(options, texts, model);
  Engine engine = make_engine(options, model, *backend, requests);
  if (requests.size() == 1 && !options.prompt_list)
    run_one(options, engine, requests[0]);
  else
    run_many(options, engine, requests);
}

}  // namespace

void add_generate_command(CLI::App& app) {
  auto options = std::make_shared<GenerateOptions>();
  CLI::App* command = app.add_subcommand("generate", "Continue a text");
  command->footer(kFooter);
  options->model.add_to(*command, false);
  CLI::Option_group* prompt = command->add_option_group("Prompt", "What to continue:");
  prompt
      ->add_option("--prompt", options->prompts, "The text to continue; may be given several times")
      ->allow_extra_args(false);
  prompt->add_option("--prompt-file", options->prompt_file,
                     "A file with the text to continue; - reads standard input");
  prompt->add_option("--prompt-ids", options->prompt_ids, "The same as token ids: 1,2,3")
      ->delimiter(',')
      ->allow_extra_args(false);
  prompt->add_option("--prompts", options->prompt_list,
                     "A file with a prompt in each line, as JSON; - reads standard input");
  prompt->require_option(1);
  command->add_option("--parallel", options->parallel, "How many of several prompts at a time")
      ->check(CLI::Range(int64_t{1}, int64_t{4096}))
      ->capture_default_str();
  options->sampling.add_to(*command);
  options->speculation.add_to(*command);
  command->add_option("--format", options->output, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->add_flag("--stats", options->stats, "Print timings on standard error, also to a pipe");
  command->callback([options] { run(*options); });
}

}  // namespace slm
