// Text for HTML pages.
#pragma once

#include <string>
#include <string_view>

namespace slm {

// As an element's text or a quoted attribute's value, whatever it holds.
std::string html_escaped(std::string_view text);

}  // namespace slm
