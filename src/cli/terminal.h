// What is shown on a terminal: styles where they are wanted, and text that cannot command it.
#pragma once

#include <termios.h>

#include <cstdio>
#include <string>
#include <string_view>

namespace slm {

bool on_terminal(std::FILE* file);

// Escape sequences for a stream: empty unless it is a terminal and NO_COLOR is unset
// (no-color.org).
struct Style {
  const char *bold = "", *dim = "", *accent = "", *plain = "";
};
Style style_for(std::FILE* file);

// While one exists, what is typed ahead waits unseen instead of showing up amid the output. Does
// nothing when standard input is no terminal.
class EchoOff {
 public:
  EchoOff();
  ~EchoOff();
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;

 private:
  termios before_;
  bool changed_;
};

// UTF-8 text without control characters other than tab and newline: a model's output, shown on a
// terminal, must not move its cursor or change its title. U+FFFD stands for each.
std::string without_controls(std::string_view utf8);

}  // namespace slm
