// How a conversation becomes one prompt: by the template of the model, or in a format known here by
// name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/template.h"
#include "text/tokenizer.h"

namespace slm {

struct Message {
  std::string role, content;  // role: "system", "user" or "assistant"
};

// What stands around the messages of one role.
struct RoleTags {
  std::string_view before, after;
};

// Prompts are written as before + content + after for every message, then, to ask for an answer,
// `generation_prompt`. Generation ends at any of the stop tokens (by their content, where the
// tokenizer has them), the stop strings, or the tokenizer's end token. A format with a template is
// written by that instead of the tags; it has its own begin-of-text token where it wants one.
struct ChatFormat {
  std::string_view name;
  std::string_view default_system;  // empty: none is added
  RoleTags system, user, assistant;
  std::string_view generation_prompt;
  std::vector<std::string> stop_strings;
  std::vector<std::string> stop_tokens;
  std::shared_ptr<const jinja::Template> own_template = nullptr;
};

const ChatFormat& chat_format(std::string_view name);
std::vector<std::string_view> chat_format_names();

// The prompt as one text. Adds nothing that is not in the messages: the default system text is the
// caller's to put in. A template is told the special tokens of the tokenizer, when there is one.
std::string render(const ChatFormat& format, std::span<const Message> messages,
                   bool add_generation_prompt, const Tokenizer* tokenizer = nullptr);

// The same as ids, after the begin-of-text token where the tokenizer's models expect it. Special
// tokens count in tags and templates only: what a message says is always text.
std::vector<int32_t> encode_chat(const Tokenizer& tokenizer, const ChatFormat& format,
                                 std::span<const Message> messages, bool add_generation_prompt);

// The format that a template describes. The special token that it writes after an answer is a stop
// token. `origin` starts the errors of the template, here and whenever it is used.
ChatFormat template_format(const Tokenizer& tokenizer, std::string_view source,
                           std::string_view origin);

// The format to use: the template of a file; else the one named; else, for the name "auto", the
// chat template of the tokenizer or the named format whose tags are among its tokens. Null when
// nothing points to one.
std::shared_ptr<const ChatFormat> choose_chat_format(const Tokenizer& tokenizer,
                                                     std::string_view name,
                                                     const std::filesystem::path& template_file);

}  // namespace slm
