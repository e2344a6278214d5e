#include "cli/terminal.h"

#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace slm {

bool on_terminal(std::FILE* file) { return isatty(fileno(file)) == 1; }

Style style_for(std::FILE* file) {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  if (!on_terminal(file) || (no_color && *no_color) || !term || std::string_view(term) == "dumb")
    return {};
  return {.bold = "\x1b[1m", .dim = "\x1b[2m", .accent = "\x1b[36m", .plain = "\x1b[0m"};
}

EchoOff::EchoOff() : changed_(tcgetattr(STDIN_FILENO, &before_) == 0) {
  if (!changed_) return;
  termios quiet = before_;
  quiet.c_lflag &= ~tcflag_t(ECHO);
  tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
}

EchoOff::~EchoOff() {
  if (changed_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

std::string without_controls(std::string_view utf8) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string shown;
  for (size_t i = 0; i < utf8.size(); ++i) {
    uint8_t byte = uint8_t(utf8[i]), next = i + 1 < utf8.size() ? uint8_t(utf8[i + 1]) : 0;
    if (byte == 0xC2 && next < 0xA0) {  // U+0080 to U+009F
      shown += kReplacement;
      ++i;
    } else if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F) {
      shown += kReplacement;
    } else {
      shown += char(byte);
    }
  }
  return shown;
}

}  // namespace slm
