// How every part of the program reports what went wrong. Libraries throw; only cli/ turns an Error
// into an exit code.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "util/format.h"

namespace slm {

enum class ErrorKind {
  kInvalid,   // the caller asked for something that makes no sense: a bad flag, key, shape or value
  kNotFound,  // a file, tensor or name that should exist does not
  kCorrupt,   // data from outside breaks its own format
  kUnsupported,  // well formed, but not something this program does
  kIo,           // the operating system refused
  kNoMemory,     // a size that cannot be had
};

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

// Throws Error{kind, message}. Messages say which file or key, what was expected, what was found,
// and what to do.
template <class... Args>
[[noreturn]] void fail(ErrorKind kind, format_string<Args...> text, Args&&... args) {
  throw Error(kind, fmt::format(text, std::forward<Args>(args)...));
}

// Throws Error{kInvalid} unless the condition holds: check(w == x, "[norm] weight has {} channels,
// input has {}", w, x).
template <class... Args>
void check(bool ok, format_string<Args...> text, Args&&... args) {
  if (!ok) [[unlikely]]
    fail(ErrorKind::kInvalid, text, std::forward<Args>(args)...);
}

// The same for data that comes from outside the program.
template <class... Args>
void check_data(bool ok, format_string<Args...> text, Args&&... args) {
  if (!ok) [[unlikely]]
    fail(ErrorKind::kCorrupt, text, std::forward<Args>(args)...);
}

}  // namespace slm
