// The parts of a report page that are not data.
#pragma once

#include <string_view>

namespace slm {

extern const std::string_view kPageStyle;   // CSS
extern const std::string_view kPageScript;  // JavaScript: draws what <script id="data"> holds

}  // namespace slm
