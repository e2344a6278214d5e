// Which tokens of a written conversation are the assistant's: those a model is trained to predict.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "text/chat_template.h"

namespace slm {

// For every id of `ids`, the conversation as encode_chat writes it, the id itself where an answer
// stands, its end mark included, and kNoLabel elsewhere. Error when the format writes earlier
// messages differently once later ones follow, so that answers cannot be told apart.
std::vector<int32_t> conversation_labels(const Tokenizer& tokenizer, const ChatFormat& format,
                                         std::span<const Message> messages,
                                         std::span<const int32_t> ids);

}  // namespace slm
