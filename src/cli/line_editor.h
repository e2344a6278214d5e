// Reads what the user types: with editing, history and multi-line paste on a terminal, as plain
// lines from anything else.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace slm {

// Not thread-safe; one at a time.
class LineEditor {
 public:
  LineEditor();
  ~LineEditor();

  bool interactive() const { return interactive_; }

  enum class Outcome { kLine, kInterrupted, kEnd };  // kEnd: Ctrl-D, or no more input
  // Reads one message into `text`, without its newline; a line that ends in a backslash goes on in
  // the next. kInterrupted when Ctrl-C was pressed: needs an InterruptGuard, whose flag it clears.
  // `prompt` (ASCII) is shown on terminals, in the accent colour and with a space after it.
  Outcome read(std::string_view prompt, std::string& text);

 private:
  struct Terminal;  // the state of libedit
  Outcome read_line(std::string_view prompt, std::string& line);

  bool interactive_;
  std::unique_ptr<Terminal> terminal_;
};

}  // namespace slm
