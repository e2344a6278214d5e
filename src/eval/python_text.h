// Text as Python's str sees it: code points, its white space, its capitals. All of valid UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace slm {

int64_t code_points(std::string_view text);  // len()
std::string_view strip(std::string_view text);
std::string_view strip_right(std::string_view text);
bool is_python_space(char32_t c);

// The first character in title case, all others in lower case.
std::string capitalize(std::string_view text);

std::string replace_all(std::string_view text, std::string_view from, std::string_view to);

}  // namespace slm
