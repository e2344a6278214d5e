// Regular expressions of tokenizer files that have no hand-written matcher, run by PCRE2 with
// Unicode classes and limits on its work.
#pragma once

#include <memory>
#include <string_view>

#include "text/split_patterns.h"

namespace slm {

// Immutable; any number of threads may use one at the same time.
class Regex {
 public:
  // `literal`: the source stands for itself. Errors start with `origin`.
  Regex(std::string_view source, bool literal, std::string_view origin);
  ~Regex();
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  // The first match at or after `begin` that is not empty, as a Matcher finds it. Error when the
  // search takes too long.
  Match find(std::string_view text, size_t begin) const;

 private:
  struct Code;
  std::unique_ptr<const Code> code_;
};

}  // namespace slm
