// HTTP as a client of a hub needs it: bounded answers, streamed files, patience with what passes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "hub/settings.h"

namespace slm {

struct HttpResponse {
  long status = 0;                             // 0: there was no answer; `trouble` says why
  std::map<std::string, std::string> headers;  // names in lower case; of the last answer
  std::string body;      // where the request has no sink, and of answers that are no success
  std::string trouble;   // what went wrong on the way, as a sentence part
  bool passing = false;  // worth another attempt

  std::string header(const std::string& name) const;  // empty: absent
};

struct HttpRequest {
  std::string url;
  bool head = false;             // only the headers
  bool follow_redirects = true;  // to other hosts too; the access token stays behind
  int64_t max_body = int64_t{1} << 20;
  // Given the body of a successful answer piece by piece. What it throws ends the request and comes
  // out of send().
  std::function<void(const HttpResponse& so_far, std::string_view piece)> sink = nullptr;
  // How many bytes are there already: asked before each attempt, which then asks for the rest.
  std::function<int64_t()> position = nullptr;
  // Looked at several times a second: when set, the request ends without an answer.
  const std::atomic<bool>* stop = nullptr;

  bool stopped() const { return stop && *stop; }
};

// One connection, kept open between requests. One thread at a time.
class HttpClient {
 public:
  // `notice` is told, in a line, why there is a wait.
  HttpClient(const HubSettings& settings, std::function<void(const std::string&)> notice);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Attempts the request until there is an answer that waiting would not change. A lost
  // connection, a stall and the statuses 408, 429 and 5xx are tried again after a pause that
  // doubles, or as long as the server asks for; attempts that brought bytes do not count. The
  // access token goes only to the endpoint, and only over TLS or within this machine.
  HttpResponse send(const HttpRequest& request);

  const HubSettings& settings() const { return settings_; }

 private:
  struct Attempt;
  HttpResponse attempt(const HttpRequest& request);
  void wait(const HttpRequest& request, double seconds, const std::string& why);

  struct Handle;
  std::unique_ptr<Handle> handle_;
  HubSettings settings_;
  std::function<void(const std::string&)> notice_;
};

// A path or a revision as one component of a URL; slashes of paths stay when `keep_slashes`.
std::string url_encoded(std::string_view text, bool keep_slashes);

}  // namespace slm
