#include "cli/chat_session.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "util/error.h"
#include "util/files.h"

namespace slm {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  size_t begin = std::min(text.find_first_not_of(kSpace), text.size());
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

// What the program itself has to say: dimmed among the answers on a terminal, else apart from them
// on standard error.
template <class... Args>
void say(format_string<Args...> text, Args&&... args) {
  std::FILE* file = on_terminal(stdout) ? stdout : stderr;
  Style style = style_for(file);
  std::string line = without_controls(fmt::format(text, std::forward<Args>(args)...));
  std::fprintf(file, "%s%s%s\n", style.dim, line.c_str(), style.plain);
}

std::shared_ptr<const ChatFormat> choose_format(const ChatOptions& options,
                                                const Tokenizer& tokenizer) {
  std::shared_ptr<const ChatFormat> plain(&plain_chat_format(), [](const ChatFormat*) {});
  if (options.format == plain->name && options.template_file.empty()) return plain;
  auto chosen = choose_chat_format(tokenizer, options.format, options.template_file);
  return chosen ? chosen : plain;
}

OpenModel open_with_tokenizer(const ChatOptions& options) {
  RunSizes sizes = options.sampling.run_sizes();
  sizes.other = options.speculation.draft_bytes();
  OpenModel opened = options.model.open(sizes);
  check(opened.model.tokenizer != nullptr,
        "the model has no tokenizer, so it cannot read text; put tokenizer.json beside its "
        "config.json");
  return opened;
}

// "2.8 M", "3.1 B"
std::string short_count(int64_t n) {
  if (n >= 1'000'000'000) return format("{:.1f} B", double(n) / 1e9);
  if (n >= 1'000'000) return format("{:.1f} M", double(n) / 1e6);
  return format("{:.0f} k", double(n) / 1e3);
}

template <class T>
void parse_number(std::string_view text, T& into) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  check(error == std::errc() && end == text.data() + text.size(), "\"{}\" is not a fitting number",
        text);
  into = value;
}

}  // namespace

struct ChatSession::Command {
  std::string_view name, argument, help;
  bool (*run)(ChatSession&, std::string_view argument);  // false to leave
};

const ChatSession::Command ChatSession::kCommands[] = {
    {"help", "", "Show this list", [](ChatSession& s, std::string_view) { return s.help(), true; }},
    {"reset", "", "Forget the conversation and begin a new one",
     [](ChatSession& s, std::string_view) { return s.reset(), true; }},
    {"system", "TEXT", "Set the instructions before the first message; without TEXT, show them",
     [](ChatSession& s, std::string_view text) { return s.show_or_set_system(text), true; }},
    {"save", "FILE", "Write the conversation to a JSON file",
     [](ChatSession& s, std::string_view file) { return s.save(file), true; }},
    {"load", "FILE", "Go on with a saved conversation",
     [](ChatSession& s, std::string_view file) { return s.load(file), true; }},
    {"settings", "", "Show how tokens are chosen; /NAME VALUE changes one: /temperature 0.5",
     [](ChatSession& s, std::string_view) { return s.show_settings(), true; }},
    {"exit", "", "Leave (also Ctrl-D)", [](ChatSession&, std::string_view) { return false; }},
};

namespace {

GeneratorOptions generator_options(const ChatOptions& options, const Model& model,
                                   Backend& backend) {
  GeneratorOptions result = options.sampling.generator_options(model.config.spec);
  result.speculation = options.speculation.options(model, backend, result.context);
  return result;
}

}  // namespace

struct ChatSession::Setting {
  std::string_view name;
  void (*set)(SamplingFlags&, std::string_view value);
};

const ChatSession::Setting ChatSession::kSettings[] = {
    {"temperature",
     [](SamplingFlags& f, std::string_view v) { parse_number(v, f.sampling.temperature); }},
    {"top-k", [](SamplingFlags& f, std::string_view v) { parse_number(v, f.sampling.top_k); }},
    {"top-p", [](SamplingFlags& f, std::string_view v) { parse_number(v, f.sampling.top_p); }},
    {"min-p", [](SamplingFlags& f, std::string_view v) { parse_number(v, f.sampling.min_p); }},
    {"repetition-penalty",
     [](SamplingFlags& f, std::string_view v) { parse_number(v, f.sampling.repetition_penalty); }},
    {"max-new-tokens",
     [](SamplingFlags& f, std::string_view v) { parse_number(v, f.max_new_tokens); }},
    {"seed", [](SamplingFlags& f, std::string_view v) { parse_number(v, f.seed.emplace()); }},
};

ChatSession::ChatSession(const ChatOptions& options)
    : options_(options),
      opened_(open_with_tokenizer(options)),
      backend_(*opened_.backend),
      model_(opened_.model),
      decoder_(model_.decoder()),
      format_(choose_format(options, *model_.tokenizer)),
      conversation_(*format_, ""),
      generator_(decoder_, backend_, model_.tokenizer.get(),
                 generator_options(options, model_, backend_)) {
  if (options.warm) warming_ = std::async(std::launch::async, [this] { generator_.warm_up(); });
  options_.sampling.take_recommended(model_.config.generation);
  conversation_.set_system(
      options.system.value_or(std::string(conversation_.format().default_system)));
}

void ChatSession::greet() const {
  Style style = style_for(stdout);
  const std::string& dir = options_.model.model;
  std::string name = dir.empty() ? "the built-in model" : dir;
  std::printf("%sStableLM%s\n", style.bold, style.plain);
  say("{}: {}, {} parameters, on {}", name, model_.config.model_type,
      short_count(model_.parameters.count()), backend_.description());
  say("chat format {}, context of {} tokens", conversation_.format().name, generator_.context());
  if (&conversation_.format() == &plain_chat_format())
    say("This model was not tuned for conversation: it goes on with the text you type.");
  say("It writes what is likely, not what is true: check what matters.");
  say("/help lists the commands, Ctrl-C stops an answer, Ctrl-D leaves.");
}

bool ChatSession::handle(std::string_view line) {
  std::string_view text = trimmed(line);
  if (text.empty()) return true;
  try {
    if (text.starts_with("//")) return answer(text.substr(1)), true;
    if (text.starts_with("/")) return run_command(text.substr(1));
    answer(&conversation_.format() == &plain_chat_format() ? line : text);
  } catch (const Error& e) {
    say("{}", e.what());
  }
  return true;
}

bool ChatSession::run_command(std::string_view line) {
  size_t space = std::min(line.find_first_of(kSpace), line.size());
  std::string_view name = line.substr(0, space), argument = trimmed(line.substr(space));
  if (name == "quit") name = "exit";
  auto command = std::ranges::find(kCommands, name, &Command::name);
  if (command != std::end(kCommands)) return command->run(*this, argument);
  auto setting = std::ranges::find(kSettings, name, &Setting::name);
  if (setting != std::end(kSettings)) return set(*setting, argument), true;
  say("There is no command /{}; /help lists them, and // begins a message with /.", name);
  return true;
}

void ChatSession::answer(std::string_view message) {
  conversation_.ask(std::string(message));
  GenerationRequest request{.sampling = options_.sampling.seeded(),
                            .max_new_tokens = options_.sampling.max_new_tokens,
                            .stop_strings = options_.sampling.stop};
  if (!options_.sampling.ignore_eos)
    add_chat_stops(request, conversation_.format(), *model_.tokenizer, model_.stop_ids);
  size_t forgotten = conversation_.forgotten();
  try {
    int64_t room = std::min(request.max_new_tokens, generator_.context() / 4);
    request.prompt = conversation_.prompt(*model_.tokenizer, generator_.context(), room);
    if (conversation_.forgotten() > forgotten)
      say("(the context is full: the oldest {} messages are forgotten)", conversation_.forgotten());
    GenerationResult result = stream_answer(request);
    if (result.ids.empty()) return conversation_.take_back();
    conversation_.answer(result.text);
    if (options_.stats)
      std::fprintf(stderr, "%s, seed %llu\n", describe(result.timings).c_str(),
                   static_cast<unsigned long long>(request.sampling.seed));
  } catch (...) {
    conversation_.take_back();
    throw;
  }
}

GenerationResult ChatSession::stream_answer(const GenerationRequest& request) {
  bool terminal = on_terminal(stdout), begun = false;
  auto show = [&](int32_t, std::string_view text) {
    if (!begun) text = text.substr(std::min(text.find_first_not_of(kSpace), text.size()));
    begun |= !text.empty();
    std::string shown = terminal ? without_controls(text) : std::string(text);
    std::fwrite(shown.data(), 1, shown.size(), stdout);
    std::fflush(stdout);
  };
  if (warming_.valid()) warming_.get();
  std::atomic<bool>& interrupted = InterruptGuard::flag();
  interrupted = false;
  EchoOff quiet;
  GenerationResult result = generator_.generate(request, show, &interrupted);
  std::puts("");
  if (result.finish_reason == FinishReason::kCancelled) say("(stopped)");
  if (result.finish_reason == FinishReason::kLength)
    say("(cut off at {} tokens)", result.ids.size());
  interrupted = false;
  return result;
}

void ChatSession::help() const {
  for (const Command& c : kCommands)
    say("  /{:<18}{}", format("{} {}", c.name, c.argument), c.help);
  say("A message that begins with / is written with //. A line that ends in \\ goes on in the "
      "next.");
}

void ChatSession::reset() {
  conversation_.reset();
  say("(a new conversation)");
}

void ChatSession::show_or_set_system(std::string_view text) {
  if (text.empty()) {
    say("{}", conversation_.system().empty() ? "(no system text)" : conversation_.system());
  } else {
    conversation_.set_system(std::string(text));
    say("(set; /reset forgets what was said under the old one)");
  }
}

void ChatSession::save(std::string_view file) const {
  check(!file.empty(), "/save FILE: name a file");
  Json transcript = conversation_.transcript();
  transcript["model"] = options_.model.model;
  write_file_atomically(file,
                        transcript.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  say("({} messages in {})", conversation_.messages().size(), file);
}

void ChatSession::load(std::string_view file) {
  check(!file.empty(), "/load FILE: name a file");
  conversation_.restore(read_json_file(file, int64_t{1} << 26), std::string(file));
  say("({} messages from {})", conversation_.messages().size(), file);
}

void ChatSession::show_settings() const {
  const SamplingFlags& f = options_.sampling;
  const SamplingOptions& s = f.sampling;
  say("temperature {}  top-k {}  top-p {}  min-p {}  repetition-penalty {}  max-new-tokens {}  "
      "seed {}",
      s.temperature, s.top_k, s.top_p, s.min_p, s.repetition_penalty, f.max_new_tokens,
      f.seed ? format("{}", *f.seed) : "new every time");
}

void ChatSession::set(const Setting& setting, std::string_view value) {
  SamplingFlags changed = options_.sampling;
  setting.set(changed, value);
  Sampler(changed.sampling, 1);  // refuses what is out of range
  check(changed.max_new_tokens >= 0, "max-new-tokens is {}, expected 0 or more",
        changed.max_new_tokens);
  options_.sampling = changed;
  show_settings();
}

}  // namespace slm
