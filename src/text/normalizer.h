// What happens to text before it is split: Unicode normal forms and replacements, in order.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "text/regex.h"
#include "text/unicode.h"

namespace slm {

struct Lowercase {
  bool operator==(const Lowercase&) const = default;
};
struct Prepend {
  std::string prefix;  // not to empty text
  bool operator==(const Prepend&) const = default;
};
struct Replace {
  std::string from, to;  // `from` is not empty
  bool operator==(const Replace&) const = default;
};
struct ReplaceRegex {
  std::shared_ptr<const Regex> from;
  std::string to;
  bool operator==(const ReplaceRegex&) const = default;
};
struct CollapseSpaces {  // none at the beginning, one elsewhere
  bool operator==(const CollapseSpaces&) const = default;
};
struct TrimEnd {
  std::string unit;  // not empty
  bool operator==(const TrimEnd&) const = default;
};

struct Normalizer {
  using Step =
      std::variant<NormalForm, Lowercase, Prepend, Replace, ReplaceRegex, CollapseSpaces, TrimEnd>;
  std::vector<Step> steps;

  std::string apply(std::string_view text) const;  // of valid UTF-8
};

std::string replace_all(std::string_view text, const Replace& replace);

}  // namespace slm
