#include "cli/line_editor.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>

#include "cli/interrupt.h"

namespace slm {
namespace {

// What the other side of the terminal runs: reports every outcome until the end of input.
[[noreturn]] void report_outcomes() {
  setenv("TERM", "xterm", 1);
  setenv("NO_COLOR", "1", 1);
  setenv("HOME", "/nonexistent", 1);  // no ~/.editrc
  unsetenv("EDITRC");
  LineEditor editor;
  InterruptGuard guard;
  for (std::string text;;) {
    LineEditor::Outcome outcome = editor.read(">", text);
    for (char& c : text)
      if (c == '\n') c = '|';
    if (outcome == LineEditor::Outcome::kLine) std::printf("got [%s]\n", text.c_str());
    if (outcome == LineEditor::Outcome::kInterrupted) std::puts("interrupted");
    if (outcome == LineEditor::Outcome::kEnd) break;
  }
  std::puts("end");
  std::fflush(stdout);
  _exit(0);
}

// A terminal with a LineEditor in it.
class LineEditorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    winsize size{.ws_row = 24, .ws_col = 80};
    child_ = forkpty(&terminal_, nullptr, nullptr, &size);
    ASSERT_GE(child_, 0) << "no pseudo terminal";
    if (child_ == 0) report_outcomes();
    expect("> ");
  }
  void TearDown() override {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
    close(terminal_);
  }
  void type(std::string_view keys) {
    ASSERT_EQ(write(terminal_, keys.data(), keys.size()), ssize_t(keys.size()));
  }
  // Waits until the terminal shows this, past what was expected before.
  void expect(std::string_view text) {
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (shown_.find(text, seen_) == std::string::npos) {
      pollfd ready{terminal_, POLLIN, 0};
      char buffer[4096];
      ssize_t count = poll(&ready, 1, 200) > 0 ? read(terminal_, buffer, sizeof buffer) : 0;
      if (count > 0) shown_.append(buffer, size_t(count));
      ASSERT_TRUE(count >= 0 && std::chrono::steady_clock::now() < deadline)
          << "never saw \"" << text << "\" in \"" << shown_.substr(seen_) << '"';
    }
    seen_ = shown_.find(text, seen_) + text.size();
  }

  int terminal_ = -1;
  pid_t child_ = -1;
  std::string shown_;
  size_t seen_ = 0;
};

TEST_F(LineEditorTest, LinesAreEditedAndRemembered) {
  type("helo\x02l\r");  // Ctrl-B goes back one character
  expect("got [hello]");
  expect("> ");
  type("\x1b[A!\r");  // the line before
  expect("got [hello!]");
}

TEST_F(LineEditorTest, CharactersOfAnyLanguage) {
  type("h\xC3\xA9 \xE6\x97\xA5\xF0\x9F\x98\x80x\x7f\r");  // backspace takes the x
  expect("got [h\xC3\xA9 \xE6\x97\xA5\xF0\x9F\x98\x80]");
}

TEST_F(LineEditorTest, PastedLinesAreOneMessage) {
  type("\x1b[200~one\ntwo\rthree\x1b[201~ four\r");
  expect("got [one|two|three four]");
}

TEST_F(LineEditorTest, ABackslashContinues) {
  type("one\\\r");
  expect("... ");
  type("two\r");
  expect("got [one|two]");
}

TEST_F(LineEditorTest, InterruptDropsTheLine) {
  type("half a li");
  expect("half a li");
  type("\x03");
  expect("interrupted");
  expect("> ");
  type("next\r");
  expect("got [next]");
}

TEST_F(LineEditorTest, AResizedTerminalKeepsTheLine) {
  type("before");
  expect("before");
  winsize size{.ws_row = 10, .ws_col = 20};
  ioctl(terminal_, TIOCSWINSZ, &size);
  type(" and after, longer than a row\r");
  expect("got [before and after, longer than a row]");
}

TEST_F(LineEditorTest, EndOfInput) {
  type("\x04");
  expect("end");
}

}  // namespace
}  // namespace slm
