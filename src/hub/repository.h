// The name of a model on a hub: ORG/NAME, or ORG/NAME@REVISION.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slm {

struct HubRepository {
  std::string id;                 // "ORG/NAME"
  std::string revision = "main";  // a branch, a tag, or a commit

  std::string to_string() const { return revision == "main" ? id : id + "@" + revision; }
};

// Null when the text cannot be such a name. What is accepted is safe as a part of paths and URLs.
std::optional<HubRepository> parse_repository(std::string_view text);

// A full commit: 40 hexadecimal digits.
bool is_commit(std::string_view revision);

}  // namespace slm
