// Ends generated text at the first of several stop strings, while it streams.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slm {

// Text that could still turn out to be the beginning of a stop string is held back until it is
// clear. Not thread-safe.
class StopStrings {
 public:
  explicit StopStrings(std::vector<std::string> stops);

  // Returns the text that may be shown now. Once matched(), everything from the stop string on is
  // dropped.
  std::string push(std::string_view text);
  std::string finish();  // the end of the text: what is still held back
  bool matched() const { return matched_; }

 private:
  std::vector<std::string> stops_;
  std::string held_;
  bool matched_ = false;
};

}  // namespace slm
