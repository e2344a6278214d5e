#include "generate/conversation.h"

#include <algorithm>

#include "util/error.h"

namespace slm {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

}  // namespace

const ChatFormat& plain_chat_format() {
  static const ChatFormat kPlain{.name = "plain"};
  return kPlain;
}

void Conversation::ask(std::string text) { messages_.push_back({"user", std::move(text)}); }

// Where the tag before an answer goes on beyond the generation prompt ("### Assistant: " after
// "### Assistant:"), the model has written the rest itself.
void Conversation::answer(std::string_view generated) {
  std::string_view tag = format_->assistant.before, asked = format_->generation_prompt;
  if (tag.starts_with(asked) && generated.starts_with(tag.substr(asked.size())))
    generated.remove_prefix(tag.size() - asked.size());
  if (format_ != &plain_chat_format())
    generated = generated.substr(0, generated.find_last_not_of(kSpace) + 1);
  messages_.push_back({"assistant", std::string(generated)});
}

void Conversation::take_back() {
  if (!messages_.empty() && messages_.back().role == "user") messages_.pop_back();
  first_ = std::min(first_, messages_.size());
}

std::vector<int32_t> Conversation::prompt(const Tokenizer& tokenizer, int64_t context,
                                          int64_t answer_room) {
  std::vector<int32_t> ids = encode(tokenizer);
  size_t most = size_t(std::max<int64_t>(context - answer_room, 0));
  while (ids.size() > most && first_ + 1 < messages_.size()) {
    most = std::min(most, size_t(context) / 2);
    do ++first_;
    while (first_ + 1 < messages_.size() && messages_[first_].role != "user");
    ids = encode(tokenizer);
  }
  check(int64_t(ids.size()) < context,
        "[chat] the message needs {} tokens with what stands around it, and the context has {}; "
        "shorten it",
        ids.size(), context);
  return ids;
}

std::vector<int32_t> Conversation::encode(const Tokenizer& tokenizer) const {
  std::vector<Message> shown;
  if (!system_.empty()) shown.push_back({"system", system_});
  shown.insert(shown.end(), messages_.begin() + std::ptrdiff_t(first_), messages_.end());
  return encode_chat(tokenizer, *format_, shown, true);
}

Json Conversation::transcript() const {
  Json messages = Json::array();
  for (const Message& m : messages_) messages.push_back({{"role", m.role}, {"content", m.content}});
  return {{"format", format_->name}, {"system", system_}, {"messages", messages}};
}

void Conversation::restore(const Json& transcript, const std::string& origin) {
  JsonObject object(transcript, origin);
  const Json& list = object.at("messages");
  check_data(list.is_array(), "{}: key \"messages\" must be a list", origin);
  std::vector<Message> messages;
  for (const Json& item : list) {
    JsonObject message(item, origin);
    messages.push_back({message.string("role"), message.string("content")});
    const std::string& role = messages.back().role;
    check_data(role == "user" || role == "assistant",
               "{}: a message has the role \"{}\", expected user or assistant", origin, role);
  }
  system_ = object.string_or("system", "");
  messages_ = std::move(messages);
  first_ = 0;
}

void add_chat_stops(GenerationRequest& request, const ChatFormat& format,
                    const Tokenizer& tokenizer, std::span<const int32_t> model_stop_ids) {
  std::vector<int32_t>& ids = request.stop_ids;
  ids.insert(ids.end(), model_stop_ids.begin(), model_stop_ids.end());
  for (const std::string& content : format.stop_tokens)
    if (std::optional<int32_t> id = tokenizer.find(content)) ids.push_back(*id);
  if (std::optional<int32_t> eos = tokenizer.eos()) ids.push_back(*eos);
  request.stop_strings.insert(request.stop_strings.end(), format.stop_strings.begin(),
                              format.stop_strings.end());
}

}  // namespace slm
