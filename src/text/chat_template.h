// How a conversation becomes one prompt: the formats StableLM models were tuned with, as data.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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
// tokenizer has them), the stop strings, or the tokenizer's end token.
struct ChatFormat {
  std::string_view name;
  std::string_view default_system;  // empty: none is added
  RoleTags system, user, assistant;
  std::string_view generation_prompt;
  std::vector<std::string> stop_strings;
  std::vector<std::string> stop_tokens;
};

const ChatFormat& chat_format(std::string_view name);
std::vector<std::string_view> chat_format_names();

// The prompt as one text. Adds nothing that is not in the messages: the default system text is the
// caller's to put in.
std::string render(const ChatFormat& format, std::span<const Message> messages,
                   bool add_generation_prompt);

// The same as ids, after the begin-of-text token where the tokenizer's models expect it. Special
// tokens count in the tags only: what a message says is always text.
std::vector<int32_t> encode_chat(const Tokenizer& tokenizer, const ChatFormat& format,
                                 std::span<const Message> messages, bool add_generation_prompt);

// The format a model was tuned with, told from the chat template beside its tokenizer, else from
// the tags among its tokens. Null when nothing points to one.
const ChatFormat* guess_chat_format(const Tokenizer& tokenizer);

}  // namespace slm
