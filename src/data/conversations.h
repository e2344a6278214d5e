// Rows of dialogue data sets, in the schemas people publish them in, as plain messages.
#pragma once

#include <string>
#include <vector>

#include "text/chat_template.h"
#include "util/json.h"

namespace slm {

using Conversation = std::vector<Message>;

// Which paths of a message tree are conversations.
enum class TreePaths {
  kBest,  // the best-ranked reply at every turn
  kAll,   // every path that ends in an answer
};

// Reads one row. Known are
//   messages [{role, content}]          conversations [{from, value}]   (ShareGPT)
//   instruction, input, output          (Alpaca)      instruction, instances [{input, output}]
//   instruction, context, response      (Dolly)       question, answer
//   prompt, response                    prompt, completion
//   prompt {text, role, replies [...]}  (OASST trees)
// Turns of one role in a row are joined, and what comes before the first question or after the last
// answer is dropped, as is a conversation with no answer left. A row of no known schema is an error
// that lists its keys.
std::vector<Conversation> read_conversations(const Json& row, const std::string& origin,
                                             TreePaths paths = TreePaths::kAll);

}  // namespace slm
