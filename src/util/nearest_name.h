// The valid name a person probably meant, for error messages about unknown keys, flags and names.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace slm {

// The candidate with the fewest single-letter edits (insert, delete, replace) from `name`; empty
// when none is close enough to be a likely misspelling.
std::string nearest_name(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace slm
