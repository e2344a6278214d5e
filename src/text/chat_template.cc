#include "text/chat_template.h"

#include "util/error.h"

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

std::vector<TextPart> parts_of(const ChatFormat& format, std::span<const Message> messages,
                               bool add_generation_prompt) {
  std::vector<TextPart> parts;
  for (const Message& m : messages) {
    const RoleTags& tags = tags_of(format, m.role);
    parts.push_back({tags.before, true});
    parts.push_back({m.content, false});
    parts.push_back({tags.after, true});
  }
  if (add_generation_prompt) parts.push_back({format.generation_prompt, true});
  return parts;
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
                   bool add_generation_prompt) {
  std::string text;
  for (const TextPart& p : parts_of(format, messages, add_generation_prompt)) text += p.text;
  return text;
}

std::vector<int32_t> encode_chat(const Tokenizer& tokenizer, const ChatFormat& format,
                                 std::span<const Message> messages, bool add_generation_prompt) {
  return tokenizer.encode(parts_of(format, messages, add_generation_prompt),
                          {.bos = tokenizer.adds_bos()});
}

const ChatFormat* guess_chat_format(const Tokenizer& tokenizer) {
  struct Sign {
    std::string_view tag, format;
  };
  constexpr Sign kSigns[] = {{"<|im_start|>", "chatml"},
                             {"<|USER|>", "tuned-alpha"},
                             {"<|user|>", "zephyr"},
                             {"### Human:", "stablevicuna"}};
  for (const Sign& sign : kSigns) {
    if (tokenizer.chat_template().find(sign.tag) != std::string::npos) {
      return &chat_format(sign.format);
    }
  }
  for (const Sign& sign : kSigns) {
    if (tokenizer.find(sign.tag)) return &chat_format(sign.format);
  }
  return nullptr;
}

}  // namespace slm
