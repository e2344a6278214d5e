// All keys of a run configuration, for people.
#pragma once

#include <string>

namespace slm {

// A Markdown table: key, type, default, what is done with it. docs/config-keys.md holds it.
std::string list_config_keys();

}  // namespace slm
