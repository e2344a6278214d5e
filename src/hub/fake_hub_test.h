// A hub on 127.0.0.1 for tests, down to the socket, so that it can misbehave in every way.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "util/digest.h"
#include "util/error.h"
#include "util/json.h"

namespace slm::testing {

struct HubCall {
  std::string method, target;
  std::map<std::string, std::string> headers;  // names in lower case

  std::string header(const std::string& name) const {
    auto it = headers.find(name);
    return it == headers.end() ? "" : it->second;
  }
};

struct HubReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  std::optional<size_t> claimed_length = {};  // Content-Length, when it is to lie
  std::optional<size_t> drop_after = {};      // bytes of the body, then the connection ends
  std::optional<size_t> stall_after = {};     // bytes of the body, then silence
};

// Answers every call with what the function says, each on a connection of its own.
class FakeServer {
 public:
  explicit FakeServer(std::function<HubReply(const HubCall&)> answer) : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 64) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      fail(ErrorKind::kIo, "cannot listen on 127.0.0.1");
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept(); });
  }
  ~FakeServer() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& t : connections_) t.join();
    ::close(listener_);
  }

  std::string url(const std::string& host = "127.0.0.1") const {
    return format("http://{}:{}", host, port_);
  }
  std::vector<HubCall> calls() const {
    std::lock_guard hold(mutex_);
    return calls_;
  }
  void forget_calls() {
    std::lock_guard hold(mutex_);
    calls_.clear();
  }

 private:
  void accept() {
    while (!stopping_) {
      int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      connections_.emplace_back([this, fd] {
        serve(fd);
        ::shutdown(fd, SHUT_RDWR);
        ::close(fd);
      });
    }
  }

  void serve(int fd) {
    std::string text;
    char buffer[4096];
    while (text.find("\r\n\r\n") == text.npos) {
      ssize_t n = ::recv(fd, buffer, sizeof(buffer), 0);
      if (n <= 0) return;
      text.append(buffer, size_t(n));
    }
    HubCall call = parsed(text);
    HubReply reply;
    {
      std::lock_guard hold(mutex_);
      calls_.push_back(call);
      reply = answer_(call);
    }
    std::string head = format("HTTP/1.1 {} X\r\nContent-Length: {}\r\nConnection: close\r\n",
                              reply.status, reply.claimed_length.value_or(reply.body.size()));
    for (const auto& [name, value] : reply.headers) head += name + ": " + value + "\r\n";
    send(fd, head + "\r\n");
    if (call.method == "HEAD") return;
    size_t part = std::min(reply.drop_after.value_or(reply.body.size()),
                           reply.stall_after.value_or(reply.body.size()));
    send(fd, std::string_view(reply.body).substr(0, part));
    if (!reply.stall_after) return;
    for (int i = 0; i < 1000 && !stopping_; ++i) {  // until the client gives up
      if (::recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) == 0) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  static HubCall parsed(const std::string& text) {
    HubCall call;
    size_t space = text.find(' '), next = text.find(' ', space + 1);
    call.method = text.substr(0, space);
    call.target = text.substr(space + 1, next - space - 1);
    for (size_t at = text.find("\r\n") + 2; at < text.size();) {
      size_t end = text.find("\r\n", at), colon = text.find(": ", at);
      if (end == at || colon == text.npos) break;
      std::string name = text.substr(at, colon - at);
      for (char& c : name) c = char(std::tolower((unsigned char)c));
      call.headers[name] = text.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
    return call;
  }

  static void send(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(size_t(n));
    }
  }

  std::function<HubReply(const HubCall&)> answer_;
  int listener_;
  int port_;
  std::atomic<bool> stopping_{false};
  std::thread acceptor_;
  std::vector<std::thread> connections_;
  mutable std::mutex mutex_;
  std::vector<HubCall> calls_;
};

// One model, served well unless `tamper` changes an answer.
struct FakeModel {
  std::string commit = "0123456789abcdef0123456789abcdef01234567";
  std::map<std::string, std::string> files;  // path -> contents
  std::function<void(const HubCall&, HubReply&)> tamper = nullptr;
  bool silent_listing = false;  // no sizes and hashes in it

  static bool large(const std::string& path) { return path.ends_with(".safetensors"); }
  static std::string etag(const std::string& path, const std::string& contents) {
    if (large(path)) return sha256_hex(std::as_bytes(std::span(contents)));
    Digest digest(DigestKind::kSha1);
    digest.update(format("blob {}", contents.size()) + '\0' + contents);
    return digest.hex();
  }

  Json listing() const {
    Json siblings = Json::array();
    for (const auto& [path, contents] : files) {
      Json entry{{"rfilename", path}};
      if (!silent_listing) {
        entry["size"] = contents.size();
        entry["blobId"] = large(path) ? std::string(40, 'f') : etag(path, contents);
        if (large(path))
          entry["lfs"] = {{"sha256", etag(path, contents)}, {"size", contents.size()}};
      }
      siblings.push_back(entry);
    }
    return {{"id", "org/name"}, {"sha", commit}, {"siblings", siblings}};
  }

  HubReply operator()(const HubCall& call) const {
    HubReply reply = honest(call);
    if (tamper) tamper(call, reply);
    return reply;
  }

  HubReply honest(const HubCall& call) const {
    if (call.target == "/api/models/org/name/revision/main?blobs=true")
      return {.body = listing().dump()};
    std::string prefix = "/org/name/resolve/" + commit + "/";
    if (!call.target.starts_with(prefix)) return {.status = 404};
    auto it = files.find(call.target.substr(prefix.size()));
    if (it == files.end()) return {.status = 404, .headers = {{"X-Error-Code", "EntryNotFound"}}};
    const std::string& contents = it->second;
    std::string quoted = "\"" + etag(it->first, contents) + "\"";
    HubReply reply{.headers = {{"ETag", quoted}}, .body = contents};
    if (std::string range = call.header("range"); range.starts_with("bytes=")) {
      size_t from = std::stoul(range.substr(6));
      if (from >= contents.size()) return {.status = 416};
      reply.status = 206;
      reply.body = contents.substr(from);
      reply.headers.push_back(
          {"Content-Range", format("bytes {}-{}/{}", from, contents.size() - 1, contents.size())});
    }
    return reply;
  }
};

}  // namespace slm::testing
