#include "cli/report_error.h"

#include <cstdio>
#include <filesystem>
#include <new>

#include "util/error.h"
#include "util/files.h"

namespace slm {
namespace {

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalid:
      return 2;
    case ErrorKind::kNotFound:
      return 3;
    case ErrorKind::kCorrupt:
      return 4;
    case ErrorKind::kUnsupported:
      return 5;
    case ErrorKind::kIo:
      return 6;
    case ErrorKind::kNoMemory:
      return 7;
  }
  return 1;
}

}  // namespace

int report_error(std::string_view prefix) {
  auto say = [&](std::string_view what) {
    std::fputs(format("stablelm: {}{}\n", prefix, what).c_str(), stderr);
  };
  try {
    throw;
  } catch (const Error& e) {
    say(e.what());
    return exit_code(e.kind());
  } catch (const std::bad_alloc&) {
    say("out of memory");
    return exit_code(ErrorKind::kNoMemory);
  } catch (const std::filesystem::filesystem_error& e) {
    say(describe(e));
    return exit_code(ErrorKind::kIo);
  } catch (const std::exception& e) {
    say(e.what());
    return 1;
  }
}

}  // namespace slm
