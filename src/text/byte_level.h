// The byte-level alphabet of GPT-2: vocabularies write each byte as one printable character.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slm {

std::string bytes_to_alphabet(std::string_view bytes);

// Empty when a character is not of the alphabet. `text` is valid UTF-8.
std::optional<std::string> bytes_from_alphabet(std::string_view text);

}  // namespace slm
