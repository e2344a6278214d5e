#include "cli/resolve_model.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "hub/cache.h"
#include "hub/repository.h"
#include "hub/settings.h"
#include "util/error.h"
#include "util/nearest_name.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxSiblings = 10'000;

// The path with its first wrong component corrected; empty when nothing there is alike.
std::string likely_path(const fs::path& path) {
  std::error_code unreadable;
  fs::path so_far;
  for (auto part = path.begin(); part != path.end(); ++part) {
    if (fs::exists(so_far / *part, unreadable)) {
      so_far /= *part;
      continue;
    }
    std::vector<std::string> names;
    for (fs::directory_iterator it(so_far.empty() ? "." : so_far, unreadable), end;
         !unreadable && it != end && names.size() < kMaxSiblings; it.increment(unreadable))
      names.push_back(it->path().filename());
    std::string nearest =
        nearest_name(part->string(), std::vector<std::string_view>(names.begin(), names.end()));
    if (nearest.empty()) return {};
    fs::path likely = so_far / nearest;
    for (auto rest = std::next(part); rest != path.end(); ++rest) likely /= *rest;
    return likely;
  }
  return {};
}

// A folder that holds GGUF instead of the Hugging Face layout stands for the one file in it.
fs::path file_of(const fs::path& folder) {
  std::error_code unreadable;
  if (!fs::is_directory(folder, unreadable) || fs::exists(folder / "config.json", unreadable))
    return folder;
  std::vector<std::string> names;
  for (fs::directory_iterator it(folder, unreadable), end;
       !unreadable && it != end && names.size() < kMaxSiblings; it.increment(unreadable))
    if (it->path().extension() == ".gguf") names.push_back(it->path().filename());
  if (names.empty()) return folder;
  std::sort(names.begin(), names.end());
  size_t shown = std::min<size_t>(names.size(), 5);
  check(names.size() == 1, "{}: {} .gguf files, one model each; name one of them: {}{}",
        folder.string(), names.size(),
        fmt::join(names.begin(), names.begin() + std::ptrdiff_t(shown), ", "),
        shown < names.size() ? ", ..." : "");
  return folder / names[0];
}

}  // namespace

fs::path resolve_model(const std::string& model) {
  std::error_code absent;
  if (fs::exists(model, absent)) return file_of(model);
  auto repository = parse_repository(model);
  std::string cache;
  if (repository) {
    HubSettings settings = hub_settings_from_environment();
    if (auto folder = cached_snapshot(settings.cache, *repository)) return file_of(*folder);
    cache = settings.cache;
  }
  std::string text = format("{}: no such model directory", model);
  if (repository) text += format(", and nothing of that name in the cache {}", cache);
  if (std::string likely = likely_path(model); !likely.empty())
    text += format("; did you mean {}?", likely);
  if (repository)
    text += format("{} `stablelm pull {}` downloads it", text.back() == '?' ? "" : ";", model);
  fail(ErrorKind::kNotFound, "{}", text);
}

}  // namespace slm
