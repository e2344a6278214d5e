#include "util/spin_wait.h"

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "util/error.h"

namespace slm {
namespace {

constexpr std::chrono::microseconds kTaken{100};  // sixteen pauses last about one
constexpr int kRests = 16;

}  // namespace

bool SpinWait::interrupted(std::chrono::nanoseconds gap) {
  if (gap < kTaken) return false;
  rests_ = kRests;
  return true;
}

std::chrono::nanoseconds spin_time() {
  const char* text = std::getenv("STABLELM_SPIN_US");
  if (!text) return std::chrono::microseconds(50);
  std::string_view wanted = text;
  int us = 0;
  auto [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), us);
  check(error == std::errc{} && end == wanted.data() + wanted.size() && us >= 0 && us <= 1'000'000,
        "STABLELM_SPIN_US is \"{}\": expected microseconds, 0 to 1000000", wanted);
  return std::chrono::microseconds(us);
}

}  // namespace slm
