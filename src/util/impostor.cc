#include "util/impostor.h"

#include <algorithm>
#include <cctype>

#include "util/error.h"

namespace slm {
namespace {

// The first line of every pointer: github.com/git-lfs/git-lfs, docs/spec.md.
constexpr std::string_view kPointer = "version https://git-lfs.github.com/spec/";

bool begins_with_word(std::string_view text, std::string_view word) {
  return text.size() >= word.size() &&
         std::equal(word.begin(), word.end(), text.begin(),
                    [](char w, char c) { return w == std::tolower((unsigned char)c); });
}

}  // namespace

void refuse_impostor(std::string_view beginning, const std::string& origin) {
  check_data(
      !beginning.starts_with(kPointer),
      "{}: this is a Git LFS pointer, not the file itself; run `git lfs pull` in its folder, "
      "or fetch the model with `stablelm pull ORG/NAME`",
      origin);
  if (beginning.starts_with("\xef\xbb\xbf")) beginning.remove_prefix(3);
  beginning.remove_prefix(std::min(beginning.find_first_not_of(" \t\r\n"), beginning.size()));
  check_data(
      !begins_with_word(beginning, "<!doctype html") && !begins_with_word(beginning, "<html"),
      "{}: this is a web page, not the file itself; fetch the model with `stablelm pull "
      "ORG/NAME`",
      origin);
}

}  // namespace slm
