// Cuts a template into plain text and the tokens between its tags, white space control applied.
// https://jinja.palletsprojects.com/en/3.1.x/templates, with trim_blocks and lstrip_blocks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slm::jinja {

struct Token {
  enum Kind {
    kText,
    kPrintBegin,
    kPrintEnd,
    kBlockBegin,
    kBlockEnd,
    kName,
    kString,
    kInteger,
    kFloat,
    kOperator,
    kEnd
  } kind = kEnd;
  std::string text;  // of kText, kName, kOperator; of kString without quotes and escapes
  int64_t integer = 0;
  double number = 0;
  int line = 1;

  bool is(Kind k, std::string_view t) const { return kind == k && text == t; }
};

// Errors begin "line N: ". The last token is kEnd.
std::vector<Token> tokenize(std::string_view source);

}  // namespace slm::jinja
