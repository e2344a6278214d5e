#include "hub/settings.h"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>

#include "util/error.h"
#include "util/files.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

// The first of the variables that is set and not empty.
std::string variable(std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (const char* value = std::getenv(name); value && *value) return value;
  return {};
}

// Errors: the person has no home and set none of the variables.
fs::path hub_home() {
  if (std::string home = variable({"HF_HOME"}); !home.empty()) return home;
  if (std::string cache = variable({"XDG_CACHE_HOME"}); !cache.empty())
    return fs::path(cache) / "huggingface";
  std::string home = variable({"HOME"});
  if (home.empty())
    fail(ErrorKind::kInvalid,
         "no place for downloaded models: neither HF_HOME nor HOME is set; set HF_HOME to a "
         "folder");
  return fs::path(home) / ".cache" / "huggingface";
}

bool truth(std::string value) {
  std::transform(value.begin(), value.end(), value.begin(),
                 [](unsigned char c) { return char(std::toupper(c)); });
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

std::string trimmed(std::string text) {
  constexpr const char* kSpace = " \t\r\n";
  text.erase(text.find_last_not_of(kSpace) + 1);
  text.erase(0, text.find_first_not_of(kSpace));
  return text;
}

// A token goes into a header line: nothing but visible ASCII may be in it.
std::string checked_token(std::string token, const std::string& origin) {
  token = trimmed(std::move(token));
  bool plain = std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 127; });
  check(plain, "{}: the access token has characters that no token has (spaces, line breaks, ...)",
        origin);
  return token;
}

std::string find_token() {
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"})
    if (std::string token = variable({name}); !token.empty()) return checked_token(token, name);
  std::string named = variable({"HF_TOKEN_PATH"});
  fs::path file = named.empty() ? hub_home() / "token" : fs::path(named);
  std::error_code absent;
  if (!fs::is_regular_file(file, absent)) return {};
  return checked_token(read_file(file, 1 << 16), file.string());
}

}  // namespace

HubSettings hub_settings_from_environment() {
  HubSettings settings;
  if (std::string endpoint = variable({"HF_ENDPOINT"}); !endpoint.empty()) {
    check(endpoint.starts_with("https://") || endpoint.starts_with("http://"),
          "HF_ENDPOINT is \"{}\"; expected a URL that begins with https:// or http://", endpoint);
    endpoint.erase(endpoint.find_last_not_of('/') + 1);
    settings.endpoint = endpoint;
  }
  std::string cache = variable({"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"});
  settings.cache = cache.empty() ? hub_home() / "hub" : fs::path(cache);
  settings.token = find_token();
  settings.offline = truth(variable({"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"}));
  return settings;
}

}  // namespace slm
