#include "util/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "util/format.h"

namespace slm {
namespace {

constexpr double kRefreshSeconds = 0.1;

size_t terminal_width(int fd) {
  winsize size{};
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string format_duration(double seconds) {
  if (!std::isfinite(seconds)) return "unknown";
  if (seconds < 1) return format("{:.0f} ms", seconds * 1e3);
  auto s = int64_t(std::min(seconds + 0.5, 1e15));
  if (s < 60) return format("{} s", s);
  if (s < 3600) return format("{} min {:02} s", s / 60, s % 60);
  if (s < 86400) return format("{} h {:02} min", s / 3600, s / 60 % 60);
  return format("{} d {} h", s / 86400, s / 3600 % 24);
}

std::string format_count(double count) {
  constexpr std::array<const char*, 5> kSuffixes{"", "k", "M", "B", "T"};
  size_t i = 0;
  while (std::abs(count) >= 999.5 && i + 1 < kSuffixes.size()) count /= 1000, ++i;
  if (i == 0) return format("{:.0f}", count);
  return format("{:.{}f}{}", count,
                std::abs(count) < 9.995   ? 2
                : std::abs(count) < 99.95 ? 1
                                          : 0,
                kSuffixes[i]);
}

std::string format_bytes(double bytes) {
  constexpr std::array<const char*, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  size_t i = 0;
  while (bytes >= 1000 && i + 1 < kUnits.size()) bytes /= 1024, ++i;
  return format("{:.{}f} {}", bytes, i == 0 ? 0 : bytes < 10 ? 2 : 1, kUnits[i]);
}

Progress::Progress(ProgressOptions options)
    : options_(std::move(options)),
      terminal_(isatty(fileno(options_.stream)) == 1),
      done_(options_.start),
      begin_(Clock::now()) {}

Progress::~Progress() {
  if (!line_open_) return;
  erase_line();
  std::fprintf(options_.stream, "%s\n", last_line_.c_str());
}

double Progress::seconds() const {
  return std::chrono::duration<double>(Clock::now() - begin_).count();
}

double Progress::rate() const {
  double elapsed = seconds();
  return elapsed > 0 ? double(done_ - options_.start) / elapsed : 0;
}

double Progress::seconds_left() const {
  double speed = rate();
  return options_.total > 0 && speed > 0 ? double(options_.total - done_) / speed : -1;
}

void Progress::update(int64_t done, std::string_view details) {
  done_ = done;
  double now = seconds();
  double every = terminal_ ? kRefreshSeconds : options_.plain_seconds;
  bool due = every > 0 && now >= options_.quiet_seconds && now - last_shown_ >= every;
  if (!due && !(line_open_ && done == options_.total)) return;
  last_shown_ = now;
  last_line_ = render(details);
  if (!terminal_) {
    std::fprintf(options_.stream, "%s\n", last_line_.c_str());
    return;
  }
  erase_line();
  last_line_.resize(std::min(last_line_.size(), terminal_width(fileno(options_.stream)) - 1));
  std::fputs(last_line_.c_str(), options_.stream);
  std::fflush(options_.stream);
  line_open_ = true;
}

void Progress::print(std::string_view line) {
  if (line_open_) erase_line();
  std::fprintf(options_.stream, "%.*s\n", int(line.size()), line.data());
  if (line_open_) std::fputs(last_line_.c_str(), options_.stream);
  std::fflush(options_.stream);
}

std::string Progress::render(std::string_view details) const {
  std::string line = options_.label;
  if (options_.total > 0)
    line += format(" {:3.0f}%", 100.0 * double(done_) / double(options_.total));
  else
    line += format(" {}", format_count(double(done_)));
  if (!details.empty()) line += format(" | {}", details);
  if (!options_.unit.empty()) line += format(" | {} {}/s", format_count(rate()), options_.unit);
  if (double left = seconds_left(); left >= 0) line += format(" | ETA {}", format_duration(left));
  return line;
}

void Progress::erase_line() { std::fputs("\r\033[K", options_.stream); }

}  // namespace slm
