// The normalizer, pre_tokenizer and decoder sections of a tokenizer.json.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_reader.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"

namespace slm {

// How tokens become text when they are not byte-level.
struct DecoderSteps {
  std::vector<Replace> replacements;
  bool byte_tokens = false;  // <0x41> is a byte
  bool drop_leading_space = false;

  std::string text_of(std::string_view token) const;
};

std::string byte_token(int byte);  // "<0x41>"
std::optional<int> byte_of_token(std::string_view token);

void read_normalizer(const JsonView& section, Normalizer& normalizer);
bool read_pre_tokenizer(const JsonView& section, PreTokenizer& steps);  // is it byte-level?
void read_decoder(const JsonView& section, DecoderSteps& decoder);

}  // namespace slm
