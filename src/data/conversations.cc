#include "data/conversations.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include "util/error.h"

namespace slm {
namespace {

std::string role_of(const std::string& name, const std::string& origin) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"user", "user"},           {"human", "user"},     {"prompter", "user"},
      {"assistant", "assistant"}, {"gpt", "assistant"},  {"chatgpt", "assistant"},
      {"bing", "assistant"},      {"bard", "assistant"}, {"system", "system"}};
  for (auto [known, role] : kNames)
    if (known == name) return std::string(role);
  fail(ErrorKind::kCorrupt, "{}: the role \"{}\" is unknown; known are user, assistant, system",
       origin, name);
}

std::vector<Message> message_list(const Json& list, const char* role, const char* text,
                                  const std::string& origin) {
  check_data(list.is_array(), "{}: the messages must be an array", origin);
  std::vector<Message> messages;
  for (const Json& item : list) {
    JsonObject m(item, origin);
    messages.push_back({role_of(m.string(role), origin), m.string(text)});
  }
  return messages;
}

std::vector<Conversation> from_messages(const JsonObject& row) {
  return {message_list(row.at("messages"), "role", "content", row.origin())};
}

std::vector<Conversation> from_sharegpt(const JsonObject& row) {
  return {message_list(row.at("conversations"), "from", "value", row.origin())};
}

Conversation exchange(std::string question, const std::string& context, std::string answer) {
  if (!context.empty()) question += "\n\n" + context;
  return {{"user", std::move(question)}, {"assistant", std::move(answer)}};
}

std::vector<Conversation> from_instances(const JsonObject& row) {
  const Json& instances = row.at("instances");
  check_data(instances.is_array(), "{}: \"instances\" must be an array", row.origin());
  std::vector<Conversation> out;
  for (const Json& item : instances) {
    JsonObject instance(item, row.origin());
    out.push_back(exchange(row.string("instruction"), instance.string_or("input", ""),
                           instance.string("output")));
  }
  return out;
}

// Message trees. Parsed JSON is at most 64 levels deep, so these may recurse.
class Tree {
 public:
  Tree(const std::string& origin, TreePaths paths) : origin_(origin), paths_(paths) {}

  std::vector<Conversation> read(const Json& root) {
    walk(root);
    return std::move(found_);
  }

 private:
  // Whether a path that goes through this node ended in an answer.
  bool walk(const Json& item) {
    JsonObject node(item, origin_);
    if (node.boolean_or("deleted", false)) return false;
    path_.push_back({role_of(node.string("role"), origin_), node.string("text")});
    bool answered = false;
    for (const Json* reply : replies(node)) answered |= walk(*reply);
    if (!answered && path_.back().role == "assistant") {
      found_.push_back(path_);
      answered = true;
    }
    path_.pop_back();
    return answered;
  }

  std::vector<const Json*> replies(const JsonObject& node) const {
    std::vector<const Json*> out;
    const Json* list = node.find("replies");
    if (list == nullptr) return out;
    check_data(list->is_array(), "{}: \"replies\" must be an array", origin_);
    for (const Json& reply : *list) out.push_back(&reply);
    if (paths_ == TreePaths::kBest && out.size() > 1) {
      out = {*std::min_element(out.begin(), out.end(),
                               [&](const Json* a, const Json* b) { return rank(*a) < rank(*b); })};
    }
    return out;
  }

  int64_t rank(const Json& item) const {  // 0 is best; without one, last
    return JsonObject(item, origin_).integer_or("rank", std::numeric_limits<int64_t>::max());
  }

  const std::string& origin_;
  TreePaths paths_;
  Conversation path_;
  std::vector<Conversation> found_;
};

// Question, context (may be absent) and answer under three keys.
struct ExchangeSchema {
  const char *question, *context, *answer;
};
constexpr ExchangeSchema kExchanges[] = {{"instruction", "input", "output"},
                                         {"instruction", "context", "response"},
                                         {"question", "", "answer"},
                                         {"prompt", "", "response"},
                                         {"prompt", "", "completion"}};

std::vector<Conversation> read_any(const JsonObject& row, TreePaths paths) {
  if (row.has("messages")) return from_messages(row);
  if (row.has("conversations")) return from_sharegpt(row);
  if (row.has("instruction") && row.has("instances")) return from_instances(row);
  if (row.has("prompt") && row.at("prompt").is_object())
    return Tree(row.origin(), paths).read(row.at("prompt"));
  for (const ExchangeSchema& s : kExchanges)
    if (row.has(s.question) && row.has(s.answer))
      return {exchange(row.string(s.question), row.string_or(s.context, ""), row.string(s.answer))};
  std::vector<std::string> keys;
  for (const auto& [key, value] : row.json().items()) keys.push_back(key);
  fail(
      ErrorKind::kCorrupt,
      "{}: no known dialogue schema (messages, conversations, instruction/output, question/answer, "
      "prompt/response, OASST trees); its keys are {}",
      row.origin(), fmt::join(keys, ", "));
}

Conversation tidied(const Conversation& raw) {
  Conversation out;
  bool asked = false;
  for (const Message& m : raw) {
    asked |= m.role == "user";
    if (m.role == "assistant" && !asked) continue;
    if (!out.empty() && out.back().role == m.role) {
      out.back().content += "\n" + m.content;
    } else {
      out.push_back(m);
    }
  }
  while (!out.empty() && out.back().role != "assistant") out.pop_back();
  return out;
}

}  // namespace

std::vector<Conversation> read_conversations(const Json& row, const std::string& origin,
                                             TreePaths paths) {
  std::vector<Conversation> out;
  for (const Conversation& raw : read_any(JsonObject(row, origin), paths)) {
    Conversation c = tidied(raw);
    if (!c.empty()) out.push_back(std::move(c));
  }
  return out;
}

}  // namespace slm
