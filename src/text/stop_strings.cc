#include "text/stop_strings.h"

#include <algorithm>
#include <utility>

#include "util/error.h"

namespace slm {

StopStrings::StopStrings(std::vector<std::string> stops) : stops_(std::move(stops)) {
  for (const std::string& s : stops_) check(!s.empty(), "[stop] a stop string is empty");
}

std::string StopStrings::push(std::string_view text) {
  if (matched_) return {};
  held_ += text;
  size_t cut = std::string::npos, keep = 0;
  for (const std::string& stop : stops_) {
    cut = std::min(cut, held_.find(stop));
    size_t longest = std::min(stop.size() - 1, held_.size());
    for (size_t n = longest; n > keep; --n) {
      if (held_.ends_with(std::string_view(stop).substr(0, n))) keep = n;
    }
  }
  matched_ = cut != std::string::npos;
  std::string shown = held_.substr(0, matched_ ? cut : held_.size() - keep);
  held_ = matched_ ? std::string() : held_.substr(shown.size());
  return shown;
}

std::string StopStrings::finish() { return std::exchange(held_, {}); }

}  // namespace slm
