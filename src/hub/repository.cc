#include "hub/repository.h"

#include <algorithm>

namespace slm {
namespace {

constexpr size_t kMaxName = 96;
constexpr size_t kMaxRevision = 200;

bool word_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

bool is_name(std::string_view name) {
  auto at_edge = [](char c) { return c == '-' || c == '.'; };
  return !name.empty() && name.size() <= kMaxName && !at_edge(name.front()) &&
         !at_edge(name.back()) && name.find("--") == name.npos && name.find("..") == name.npos &&
         std::all_of(name.begin(), name.end(), word_letter);
}

bool is_revision(std::string_view text) {
  auto allowed = [](char c) { return word_letter(c) || c == '/' || c == '+'; };
  return !text.empty() && text.size() <= kMaxRevision && text.front() != '/' &&
         text.front() != '-' && text.front() != '.' && text.back() != '/' &&
         text.find("..") == text.npos && text.find("//") == text.npos &&
         text.find("/.") == text.npos && std::all_of(text.begin(), text.end(), allowed);
}

}  // namespace

std::optional<HubRepository> parse_repository(std::string_view text) {
  HubRepository repository;
  if (size_t at = text.find('@'); at != text.npos) {
    repository.revision = text.substr(at + 1);
    if (!is_revision(repository.revision)) return std::nullopt;
    text = text.substr(0, at);
  }
  size_t slash = text.find('/');
  if (slash == text.npos || !is_name(text.substr(0, slash)) || !is_name(text.substr(slash + 1)))
    return std::nullopt;
  repository.id = text;
  return repository;
}

bool is_commit(std::string_view revision) {
  return revision.size() == 40 && std::all_of(revision.begin(), revision.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace slm
