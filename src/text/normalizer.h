// What happens to text before it is split: Unicode normal forms and replacements, in order.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "text/unicode.h"

namespace slm {

struct Lowercase {};
struct Prepend {
  std::string prefix;  // not to empty text
};
struct Replace {
  std::string from, to;  // `from` is not empty
};
struct CollapseSpaces {};  // none at the beginning, one elsewhere
struct TrimEnd {
  std::string unit;  // not empty
};

struct Normalizer {
  using Step = std::variant<NormalForm, Lowercase, Prepend, Replace, CollapseSpaces, TrimEnd>;
  std::vector<Step> steps;

  std::string apply(std::string_view text) const;  // of valid UTF-8
};

std::string replace_all(std::string_view text, const Replace& replace);

}  // namespace slm
