#include "text/chat_template.h"

#include <ctime>

#include "text/tokenizer_parts.h"
#include "util/error.h"
#include "util/files.h"

namespace slm {
namespace {

constexpr std::string_view kTunedAlphaSystem =
    "# StableLM Tuned (Alpha version)\n"
    "- StableLM is a helpful and harmless open-source AI language model developed by StabilityAI.\n"
    "- StableLM is excited to be able to help the user, but will refuse to do anything that could "
    "be considered harmful to the user.\n"
    "- StableLM is more than just an information source, StableLM is also able to write poetry, "
    "short stories, and make jokes.\n"
    "- StableLM will refuse to participate in anything that could harm a human.\n";

// Instructions stand in the first message of the user, between marks.
constexpr std::string_view kLlama2 =
    R"({% for m in messages %}
{% if m.role == 'user' %}
{{ bos_token }}[INST] {% if not loop.first and loop.previtem.role == 'system' -%}
<<SYS>>
{{ loop.previtem.content + '\n<</SYS>>\n\n' }}
{%- endif %}
{{- m.content | trim }} [/INST]
{%- elif m.role == 'assistant' %}
 {{ m.content | trim }} {{ eos_token }}
{%- elif m.role != 'system' %}
{{ raise_exception('a message has the role "' ~ m.role ~ '"; known are system, user, assistant') }}
{% endif %}
{% endfor %})";

constexpr std::string_view kMistral =
    R"({{ bos_token }}
{%- for m in messages %}
{% if m.role == 'user' %}
[INST] {% if not loop.first and loop.previtem.role == 'system' %}{{ loop.previtem.content + '\n\n' }}{% endif %}
{{- m.content }} [/INST]
{%- elif m.role == 'assistant' %}
{{ m.content + eos_token }} {% elif m.role != 'system' %}
{{ raise_exception('a message has the role "' ~ m.role ~ '"; known are system, user, assistant') }}
{%- endif %}
{% endfor %})";

std::shared_ptr<const jinja::Template> built_in(std::string_view source, std::string name) {
  return std::make_shared<const jinja::Template>(source, std::move(name));
}

const std::vector<ChatFormat>& formats() {
  static const std::vector<ChatFormat> kFormats = {
      {.name = "tuned-alpha",
       .default_system = kTunedAlphaSystem,
       .system = {"<|SYSTEM|>", ""},
       .user = {"<|USER|>", ""},
       .assistant = {"<|ASSISTANT|>", ""},
       .generation_prompt = "<|ASSISTANT|>",
       .stop_strings = {},
       .stop_tokens = {"<|USER|>", "<|ASSISTANT|>", "<|SYSTEM|>", "<|padding|>", "<|endoftext|>"}},
      {.name = "stablevicuna",
       .default_system = "",
       .system = {"", "\n"},
       .user = {"### Human: ", "\n"},
       .assistant = {"### Assistant: ", "\n\n"},
       .generation_prompt = "### Assistant:",
       .stop_strings = {"###"},
       .stop_tokens = {"</s>"}},
      {.name = "zephyr",
       .default_system = "",
       .system = {"<|system|>\n", "<|endoftext|>\n"},
       .user = {"<|user|>\n", "<|endoftext|>\n"},
       .assistant = {"<|assistant|>\n", "<|endoftext|>\n"},
       .generation_prompt = "<|assistant|>\n",
       .stop_strings = {},
       .stop_tokens = {"<|endoftext|>"}},
      {.name = "chatml",
       .default_system = "",
       .system = {"<|im_start|>system\n", "<|im_end|>\n"},
       .user = {"<|im_start|>user\n", "<|im_end|>\n"},
       .assistant = {"<|im_start|>assistant\n", "<|im_end|>\n"},
       .generation_prompt = "<|im_start|>assistant\n",
       .stop_strings = {},
       .stop_tokens = {"<|im_end|>", "<|endoftext|>"}},
      {.name = "vicuna",
       .default_system =
           "A chat between a curious user and an artificial intelligence assistant. The assistant "
           "gives helpful, detailed, and polite answers to the user's questions.",
       .system = {"", " "},
       .user = {"USER: ", " "},
       .assistant = {"ASSISTANT: ", "</s>"},
       .generation_prompt = "ASSISTANT:",
       .stop_strings = {"USER:"},
       .stop_tokens = {"</s>"}},
      {.name = "alpaca",
       .default_system =
           "Below is an instruction that describes a task. Write a response that appropriately "
           "completes the request.",
       .system = {"", "\n\n"},
       .user = {"### Instruction:\n", "\n\n"},
       .assistant = {"### Response:\n", "\n\n"},
       .generation_prompt = "### Response:\n",
       .stop_strings = {"### Instruction:"},
       .stop_tokens = {"</s>", "<|endoftext|>"}},
      {.name = "llama2",
       .default_system = "",
       .stop_tokens = {"</s>"},
       .own_template = built_in(kLlama2, "llama2")},
      {.name = "mistral",
       .default_system = "",
       .stop_tokens = {"</s>"},
       .own_template = built_in(kMistral, "mistral")},
  };
  return kFormats;
}

const RoleTags& tags_of(const ChatFormat& format, const std::string& role) {
  if (role == "system") return format.system;
  if (role == "user") return format.user;
  if (role == "assistant") return format.assistant;
  fail(ErrorKind::kInvalid,
       "[chat] a message has the role \"{}\"; known are system, user, assistant", role);
}

jinja::Text with_tags(const ChatFormat& format, std::span<const Message> messages,
                      bool add_generation_prompt) {
  jinja::Text text;
  for (const Message& m : messages) {
    const RoleTags& tags = tags_of(format, m.role);
    text += jinja::Text(std::string(tags.before));
    text += jinja::Text(m.content, true);
    text += jinja::Text(std::string(tags.after));
  }
  if (add_generation_prompt) text += jinja::Text(std::string(format.generation_prompt));
  return text;
}

// Roles are part of tags, so the known ones may be part of special tokens.
jinja::Value as_value(const Message& m) {
  bool known = m.role == "system" || m.role == "user" || m.role == "assistant";
  jinja::Dict dict;
  dict.set(jinja::Text("role"), jinja::Text(replace_invalid_utf8(m.role), !known));
  dict.set(jinja::Text("content"), jinja::Text(replace_invalid_utf8(m.content), true));
  return make_dict(std::move(dict));
}

jinja::Text by_template(const jinja::Template& chat_template, std::span<const Message> messages,
                        bool add_generation_prompt, const Tokenizer* tokenizer) {
  jinja::Dict names;
  std::vector<jinja::Value> list;
  for (const Message& m : messages) list.push_back(as_value(m));
  names.set(jinja::Text("messages"), jinja::make_list(std::move(list)));
  names.set(jinja::Text("add_generation_prompt"), jinja::Value(add_generation_prompt));
  names.set(jinja::Text("tools"), jinja::Value(jinja::None{}));
  names.set(jinja::Text("documents"), jinja::Value(jinja::None{}));
  auto token = [&](const char* name, std::string_view content) {
    if (!content.empty()) names.set(jinja::Text(name), jinja::Text(std::string(content)));
  };
  if (tokenizer) {
    const TokenizerParts& parts = tokenizer->parts();
    token("bos_token", parts.bos);
    token("eos_token", parts.eos);
    token("pad_token", parts.pad);
  }
  return chat_template.render(names, std::time(nullptr));
}

jinja::Text prompt_text(const ChatFormat& format, std::span<const Message> messages,
                        bool add_generation_prompt, const Tokenizer* tokenizer) {
  if (!format.own_template) return with_tags(format, messages, add_generation_prompt);
  return by_template(*format.own_template, messages, add_generation_prompt, tokenizer);
}

// The stretches of a text that are all from outside, or all not.
std::vector<TextPart> parts_of(const jinja::Text& text) {
  std::vector<TextPart> parts;
  for (size_t from = 0, to; from < text.size(); from = to) {
    to = from + 1;
    while (to < text.size() && text.outside(to) == text.outside(from)) ++to;
    parts.push_back({std::string_view(text.str()).substr(from, to - from), !text.outside(from)});
  }
  return parts;
}

// The special token that stands after an answer; empty when there is none, or when the template
// does not take a conversation of one question and its answer.
std::string end_of_answer(const ChatFormat& format, const Tokenizer& tokenizer) {
  constexpr std::string_view kAnswer = "42-answer-42";
  std::vector<Message> talk = {{"user", "?"}, {"assistant", std::string(kAnswer)}};
  std::string text;
  try {
    text = render(format, talk, false, &tokenizer);
  } catch (const Error&) {
    return {};
  }
  size_t answer = text.rfind(kAnswer);
  if (answer == std::string::npos) return {};
  size_t end = text.find_first_not_of(" \n", answer + kAnswer.size());
  if (end == std::string::npos) return {};
  std::vector<int32_t> ids = tokenizer.encode(std::string_view(text).substr(end));
  if (ids.empty() || !tokenizer.is_special(ids[0])) return {};
  return std::string(tokenizer.token_bytes(ids[0]));
}

// The named format whose tags are among the tokens.
const ChatFormat* guess_by_tokens(const Tokenizer& tokenizer) {
  struct Sign {
    std::string_view tag, format;
  };
  constexpr Sign kSigns[] = {
      {"<|im_start|>", "chatml"}, {"<|USER|>", "tuned-alpha"}, {"<|user|>", "zephyr"}};
  for (const Sign& sign : kSigns) {
    if (tokenizer.find(sign.tag)) return &chat_format(sign.format);
  }
  return nullptr;
}

}  // namespace

const ChatFormat& chat_format(std::string_view name) {
  for (const ChatFormat& f : formats()) {
    if (f.name == name) return f;
  }
  fail(ErrorKind::kInvalid, "[chat] there is no chat format \"{}\"; known are {}", name,
       fmt::join(chat_format_names(), ", "));
}

std::vector<std::string_view> chat_format_names() {
  std::vector<std::string_view> names;
  for (const ChatFormat& f : formats()) names.push_back(f.name);
  return names;
}

std::string render(const ChatFormat& format, std::span<const Message> messages,
                   bool add_generation_prompt, const Tokenizer* tokenizer) {
  return prompt_text(format, messages, add_generation_prompt, tokenizer).str();
}

std::vector<int32_t> encode_chat(const Tokenizer& tokenizer, const ChatFormat& format,
                                 std::span<const Message> messages, bool add_generation_prompt) {
  jinja::Text text = prompt_text(format, messages, add_generation_prompt, &tokenizer);
  return tokenizer.encode(parts_of(text), {.bos = !format.own_template && tokenizer.adds_bos()});
}

ChatFormat template_format(const Tokenizer& tokenizer, std::string_view source,
                           std::string_view origin) {
  ChatFormat format{.name = "template"};
  format.own_template = std::make_shared<const jinja::Template>(source, std::string(origin));
  if (std::string end = end_of_answer(format, tokenizer); !end.empty()) {
    format.stop_tokens.push_back(std::move(end));
  }
  return format;
}

std::shared_ptr<const ChatFormat> choose_chat_format(const Tokenizer& tokenizer,
                                                     std::string_view name,
                                                     const std::filesystem::path& template_file) {
  if (!template_file.empty()) {
    return std::make_shared<const ChatFormat>(
        template_format(tokenizer, read_file(template_file), template_file.string()));
  }
  if (name != "auto") return std::make_shared<const ChatFormat>(chat_format(name));
  if (!tokenizer.chat_template().empty()) {
    return std::make_shared<const ChatFormat>(
        template_format(tokenizer, tokenizer.chat_template(), "chat_template"));
  }
  const ChatFormat* guess = guess_by_tokens(tokenizer);
  return guess ? std::make_shared<const ChatFormat>(*guess) : nullptr;
}

}  // namespace slm
