#include "hub/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <chrono>
#include <exception>
#include <thread>
#include <utility>

#include "util/error.h"
#include "util/progress.h"

namespace slm {
namespace {

constexpr size_t kMaxHeaderBytes = 1 << 16;
constexpr double kLongestPause = 30;        // seconds, of our own choosing
constexpr double kLongestRetryAfter = 300;  // seconds, of the server's choosing
constexpr long kMaxRedirects = 5;

// curl wants its global set up once, before threads.
void start_curl() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK)
    fail(ErrorKind::kIo, "cannot start the network library: {}", curl_easy_strerror(started));
}

std::string host_of(std::string_view url) {
  size_t begin = url.find("://");
  if (begin == url.npos) return {};
  std::string_view rest = url.substr(begin + 3);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  rest.remove_prefix(std::min(rest.rfind('@') + 1, rest.size()));
  return std::string(rest.substr(0, rest.rfind(':')));
}

bool may_carry_token(const std::string& url, const std::string& endpoint) {
  if (!url.starts_with(endpoint + "/")) return false;
  std::string host = host_of(url);
  return url.starts_with("https://") || host == "127.0.0.1" || host == "localhost" ||
         host == "[::1]";
}

bool passing_status(long status) { return status == 408 || status == 429 || status >= 500; }

bool lasting(CURLcode code) {
  return code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ||
         code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
         code == CURLE_TOO_MANY_REDIRECTS || code == CURLE_ABORTED_BY_CALLBACK ||
         code == CURLE_OUT_OF_MEMORY;
}

// Seconds of a Retry-After header; negative when there is none, or a date.
double retry_after(const HttpResponse& response) {
  std::string text = response.header("retry-after");
  int seconds = -1;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  return error == std::errc() && end == text.data() + text.size() && seconds >= 0
             ? std::min(double(seconds), kLongestRetryAfter)
             : -1;
}

}  // namespace

std::string HttpResponse::header(const std::string& name) const {
  auto it = headers.find(name);
  return it == headers.end() ? std::string() : it->second;
}

struct HttpClient::Handle {
  CURL* curl;
  ~Handle() { curl_easy_cleanup(curl); }
};

// What one attempt gathers, reached from curl's callbacks. They must not throw through C.
struct HttpClient::Attempt {
  const HttpRequest& request;
  CURL* curl;
  int stall_seconds;
  HttpResponse response = {};
  size_t header_bytes = 0;
  std::exception_ptr thrown = nullptr;
  int64_t received = 0;
  std::chrono::steady_clock::time_point last_byte = std::chrono::steady_clock::now();
  bool stalled = false;

  static size_t on_header(char* data, size_t size, size_t count, void* self) {
    return static_cast<Attempt*>(self)->header({data, size * count});
  }
  static size_t on_body(char* data, size_t size, size_t count, void* self) {
    return static_cast<Attempt*>(self)->body({data, size * count});
  }

  // About once a second; other than 0 ends the transfer.
  static int on_progress(void* self, curl_off_t, curl_off_t received, curl_off_t, curl_off_t) {
    return static_cast<Attempt*>(self)->progress(received);
  }

  int progress(int64_t bytes) {
    auto now = std::chrono::steady_clock::now();
    if (bytes != received) received = bytes, last_byte = now;
    stalled = now - last_byte >= std::chrono::seconds(stall_seconds);
    return request.stopped() || stalled;
  }

  size_t header(std::string_view line) {
    size_t bytes = line.size();
    if (line.starts_with("HTTP/")) response.headers.clear(), header_bytes = 0;
    if ((header_bytes += bytes) > kMaxHeaderBytes) return 0;
    size_t colon = line.find(':');
    if (colon == line.npos) return bytes;
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return char(std::tolower(c)); });
    std::string_view value = line.substr(colon + 1);
    size_t begin = std::min(value.find_first_not_of(" \t"), value.size());
    size_t end = value.find_last_not_of(" \t\r\n") + 1;
    response.headers[name] = value.substr(begin, std::max(begin, end) - begin);
    return bytes;
  }

  size_t body(std::string_view piece) {
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &response.status);
    bool success = response.status >= 200 && response.status < 300;
    if (success && request.sink) {
      try {
        request.sink(response, piece);
      } catch (...) {
        thrown = std::current_exception();
        return 0;
      }
      return piece.size();
    }
    int64_t room = request.max_body - int64_t(response.body.size());
    if (success && int64_t(piece.size()) > room) {
      response.trouble = format("the answer is longer than {} bytes", request.max_body);
      return 0;
    }
    response.body += piece.substr(0, size_t(std::max<int64_t>(room, 0)));
    return piece.size();
  }
};

HttpClient::HttpClient(const HubSettings& settings, std::function<void(const std::string&)> notice)
    : settings_(settings), notice_(std::move(notice)) {
  start_curl();
  handle_.reset(new Handle{curl_easy_init()});
  if (!handle_->curl) fail(ErrorKind::kNoMemory, "cannot set up a network connection");
}

HttpClient::~HttpClient() = default;

HttpResponse HttpClient::attempt(const HttpRequest& request) {
  CURL* curl = handle_->curl;
  Attempt state{request, curl, settings_.stall_seconds};
  curl_easy_reset(curl);  // keeps the connection
  char message[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "stablelm");
  curl_easy_setopt(curl, CURLOPT_NOBODY, request.head ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  // A page that came over TLS does not lead to one that does not.
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR,
                   request.url.starts_with("https:") ? "https" : "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, request.follow_redirects ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, kMaxRedirects);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, long(std::min(settings_.stall_seconds, 15)));
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &Attempt::on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &state);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &Attempt::on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &state);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Attempt::on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &state);
  int64_t from = request.position ? request.position() : 0;
  if (from > 0) curl_easy_setopt(curl, CURLOPT_RANGE, format("{}-", from).c_str());
  std::unique_ptr<curl_slist, void (*)(curl_slist*)> lines{nullptr, curl_slist_free_all};
  if (!settings_.token.empty() && may_carry_token(request.url, settings_.endpoint))
    // curl keeps this line from any other host that a redirect leads to.
    lines.reset(curl_slist_append(nullptr, ("Authorization: Bearer " + settings_.token).c_str()));
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines.get());

  CURLcode code = curl_easy_perform(curl);
  if (state.thrown) std::rethrow_exception(state.thrown);
  HttpResponse& response = state.response;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &response.status);
  if (code != CURLE_OK) {
    response.passing = state.stalled || (!lasting(code) && response.trouble.empty());
    if (state.stalled) response.trouble = format("nothing came for {} s", settings_.stall_seconds);
    if (response.trouble.empty()) response.trouble = *message ? message : curl_easy_strerror(code);
    response.status = 0;
  } else {
    response.passing = passing_status(response.status);
  }
  return std::move(state.response);
}

void HttpClient::wait(const HttpRequest& request, double seconds, const std::string& why) {
  if (seconds >= 0.5 && notice_)
    notice_(format("{}; trying again in {}", why, format_duration(seconds)));
  auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (!request.stopped() && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::min<std::chrono::duration<double>>(
        std::chrono::milliseconds(100), end - std::chrono::steady_clock::now()));
}

HttpResponse HttpClient::send(const HttpRequest& request) {
  double pause = settings_.retry_seconds;
  int64_t reached = request.position ? request.position() : 0;
  for (int attempts = 1;; ++attempts) {
    HttpResponse response = attempt(request);
    if (!response.passing) return response;
    int64_t now = request.position ? request.position() : 0;
    if (now > reached) attempts = 1, pause = settings_.retry_seconds, reached = now;
    if (attempts >= settings_.attempts || request.stopped()) return response;
    double asked = retry_after(response);
    wait(request, asked >= 0 ? asked : pause,
         response.status ? format("{} answers {}", host_of(request.url), response.status)
                         : format("{}: {}", host_of(request.url), response.trouble));
    pause = std::min(2 * pause, kLongestPause);
  }
}

std::string url_encoded(std::string_view text, bool keep_slashes) {
  std::string out;
  for (char c : text) {
    bool plain = std::isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.' || c == '~' ||
                 (keep_slashes && c == '/');
    out += plain ? std::string(1, c) : format("%{:02X}", (unsigned char)c);
  }
  return out;
}

}  // namespace slm
