// A conversation: its messages, the prompt that asks for the next answer, and its transcript.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "generate/sequence.h"
#include "text/chat_template.h"
#include "util/json.h"

namespace slm {

// No tags at all: a model that was not tuned for conversation goes on with what stands there.
const ChatFormat& plain_chat_format();

// Not thread-safe. The format must outlive it.
class Conversation {
 public:
  // `system`: instructions before the first message; empty for none.
  Conversation(const ChatFormat& format, std::string system)
      : format_(&format), system_(std::move(system)) {}

  const ChatFormat& format() const { return *format_; }
  const std::string& system() const { return system_; }
  void set_system(std::string text) { system_ = std::move(text); }
  std::span<const Message> messages() const { return messages_; }  // without the system text

  void ask(std::string text);               // the user's turn
  void answer(std::string_view generated);  // what the model made of prompt()
  void take_back();                         // the last question, when it cannot be answered
  void reset() { messages_.clear(), first_ = 0; }

  // The tokens that ask for the next answer: the system text and the messages. When fewer than
  // `answer_room` of the `context` tokens would be left, the oldest turns are forgotten for good,
  // until half of the context is free: what follows them has to be computed anew, so this should be
  // rare. Error when the last message alone leaves no room.
  std::vector<int32_t> prompt(const Tokenizer& tokenizer, int64_t context, int64_t answer_room);
  size_t forgotten() const { return first_; }  // messages

  // {"format": .., "system": .., "messages": [{"role": .., "content": ..}, ..]}
  Json transcript() const;
  // Takes system text and messages over from a transcript of any format.
  void restore(const Json& transcript, const std::string& origin);

 private:
  std::vector<int32_t> encode(const Tokenizer& tokenizer) const;

  const ChatFormat* format_;
  std::string system_;
  std::vector<Message> messages_;
  size_t first_ = 0;  // of the messages that are still part of the prompt
};

// What ends an answer: the stop tokens of the format that the tokenizer has, those of the model,
// the tokenizer's own end token; and the stop strings of the format.
void add_chat_stops(GenerationRequest& request, const ChatFormat& format,
                    const Tokenizer& tokenizer, std::span<const int32_t> model_stop_ids);

}  // namespace slm
