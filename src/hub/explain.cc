#include "hub/explain.h"

#include "util/error.h"

namespace slm {
namespace {

std::string token_advice(const HubSettings& settings) {
  if (settings.token.empty())
    return format("set HF_TOKEN to an access token from {}/settings/tokens", settings.endpoint);
  return format("the access token that is set does not open it; see {}/settings/tokens",
                settings.endpoint);
}

// At most one line of what the server says itself.
std::string server_words(const HttpResponse& response) {
  std::string text = response.header("x-error-message");
  if (text.size() > 300) text.resize(300);
  for (char& c : text)
    if ((unsigned char)c < ' ' || c == 127) c = ' ';
  return text.empty() ? "" : format(" (\"{}\")", text);
}

}  // namespace

void check_success(const HttpResponse& response, const std::string& what,
                   const HubSettings& settings) {
  if (response.status >= 200 && response.status < 300) return;
  std::string code = response.header("x-error-code"), words = server_words(response);
  if (response.status == 0)
    fail(ErrorKind::kIo, "{}: no answer from {}: {}", what, settings.endpoint, response.trouble);
  if (code == "GatedRepo" || (response.status == 403 && code.empty()))
    fail(ErrorKind::kIo, "{}: access is restricted{}: accept its terms on its page at {}, then {}",
         what, words, settings.endpoint, token_advice(settings));
  if (code == "RevisionNotFound")
    fail(ErrorKind::kNotFound, "{}: there is no such revision{}; without @REVISION it is \"main\"",
         what, words);
  if (code == "EntryNotFound")
    fail(ErrorKind::kNotFound, "{}: there is no such file{}", what, words);
  if (response.status == 401 || response.status == 404)
    fail(ErrorKind::kNotFound,
         "{}: {} has no such model, or it is private{}: check the spelling of ORG/NAME; if it is "
         "private or restricted, {}",
         what, settings.endpoint, words, token_advice(settings));
  if (response.status == 429)
    fail(ErrorKind::kIo, "{}: {} asks for fewer requests{}; try again later, or {}", what,
         settings.endpoint, words, token_advice(settings));
  fail(ErrorKind::kIo, "{}: {} answers {}{}", what, settings.endpoint, response.status, words);
}

}  // namespace slm
