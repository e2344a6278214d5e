#include "cli/line_editor.h"

#include <histedit.h>
#include <langinfo.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cwchar>
#include <iostream>
#include <string_view>

#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "util/error.h"

namespace slm {
namespace {

// Signals that arrive while libedit waits for a key, to be handled before it goes on waiting.
constinit volatile std::sig_atomic_t resized = 0, continued = 0;
void on_resize(int) { resized = 1; }
void on_continue(int) { continued = 1; }

// Waits for a key, or for a signal: then -1 with EINTR. One that came just before counts too, which
// a read() that had not yet begun would sleep through.
int wait_for_key() {
  sigset_t watched, before;
  sigemptyset(&watched);
  sigaddset(&watched, SIGINT);
  sigaddset(&watched, SIGCONT);
  sigprocmask(SIG_BLOCK, &watched, &before);
  pollfd key{STDIN_FILENO, POLLIN, 0};
  bool signalled = InterruptGuard::flag() || continued;
  int ready = signalled ? -1 : ppoll(&key, 1, nullptr, &before);
  int reason = signalled ? EINTR : errno;
  sigprocmask(SIG_SETMASK, &before, nullptr);
  errno = reason;
  return ready;
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;  // without SA_RESTART: the read in progress returns
  sigaction(signal, &action, nullptr);
}

// libedit converts between bytes and characters by the locale.
void use_utf8() {
  std::setlocale(LC_CTYPE, "");
  if (std::string_view(nl_langinfo(CODESET)) != "UTF-8") std::setlocale(LC_CTYPE, "C.UTF-8");
}

// Bound to what a terminal sends before pasted text: takes everything up to the end mark into the
// line, newlines as they are.
unsigned char paste(EditLine* edit, wint_t) {
  constexpr std::wstring_view kEnd = L"\x1b[201~";
  std::wstring text;
  while (!text.ends_with(kEnd)) {
    wchar_t c;
    if (el_wgetc(edit, &c) != 1) return CC_EOF;
    if (c == L'\r') c = L'\n';
    if (c >= L' ' || c == L'\n' || c == L'\t' || c == L'\x1b') text += c;
  }
  text.resize(text.size() - kEnd.size());
  std::erase(text, L'\x1b');
  el_winsertstr(edit, text.c_str());
  return CC_REFRESH;
}

std::string to_utf8(std::wstring_view text) {
  std::string bytes;
  for (wchar_t c : text) {
    uint32_t u = uint32_t(c);
    if (u < 0x80) {
      bytes += char(u);
      continue;
    }
    if (u < 0x800) {
      bytes += char(0xC0 | u >> 6);
    } else {
      if (u < 0x10000) {
        bytes += char(0xE0 | u >> 12);
      } else {
        bytes += char(0xF0 | u >> 18);
        bytes += char(0x80 | (u >> 12 & 63));
      }
      bytes += char(0x80 | (u >> 6 & 63));
    }
    bytes += char(0x80 | (u & 63));
  }
  return bytes;
}

void send(std::string_view sequence) {
  std::fwrite(sequence.data(), 1, sequence.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

struct LineEditor::Terminal {
  EditLine* edit;
  HistoryW* history;
  std::wstring prompt;

  Terminal() {
    use_utf8();
    edit = el_init("stablelm", stdin, stdout, stderr);
    check(edit != nullptr, "[chat] the terminal cannot be used to edit lines");
    history = history_winit();
    HistEventW event;
    history_w(history, &event, H_SETSIZE, 1000);
    el_wset(edit, EL_CLIENTDATA, this);
    el_wset(edit, EL_PROMPT_ESC, show_prompt, L'\1');
    el_wset(edit, EL_HIST, history_w, history);
    el_wset(edit, EL_EDITOR, L"emacs");
    el_wset(edit, EL_GETCFN, read_character);
    el_wset(edit, EL_ADDFN, L"take-paste", L"Insert pasted text as it is", paste);
    el_wset(edit, EL_BIND, L"\\e[200~", L"take-paste", nullptr);
    el_source(edit, nullptr);  // the user's own ~/.editrc
    handle(SIGWINCH, on_resize);
    handle(SIGCONT, on_continue);
  }
  ~Terminal() {
    send("\x1b[?2004l");
    el_end(edit);
    history_wend(history);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  static Terminal& of(EditLine* edit) {
    Terminal* self = nullptr;
    el_wget(edit, EL_CLIENTDATA, &self);
    return *self;
  }

  static wchar_t* show_prompt(EditLine* edit) { return of(edit).prompt.data(); }

  // One character of UTF-8 for libedit: 1 when read, 0 at the end of input, -1 when Ctrl-C was
  // pressed.
  static int read_character(EditLine* edit, wchar_t* character) {
    std::mbstate_t state = {};
    for (;;) {
      char byte;
      ssize_t count = wait_for_key() < 0 ? -1 : ::read(STDIN_FILENO, &byte, 1);
      if (count < 0 && errno == EINTR && !InterruptGuard::flag()) {
        if (continued) of(edit).resume_after_stop();
        continue;
      }
      if (count <= 0) return int(count);
      if (resized) of(edit).redraw_resized();
      size_t used = std::mbrtowc(character, &byte, 1, &state);
      if (used == size_t(-1)) {
        *character = L'\uFFFD';
        return 1;
      }
      if (used != size_t(-2)) return 1;
    }
  }

  // Where the rows of the line are in a resized terminal is anybody's guess. Rather than write over
  // other text, show the line once more below, and only when typing goes on.
  void redraw_resized() {
    resized = 0;
    const LineInfoW* line = el_wline(edit);
    send(line->lastchar == line->buffer ? "\r\x1b[J" : "\x1b[J\r\n");
    el_resize(edit);
    el_set(edit, EL_REFRESH);
  }

  void resume_after_stop() {
    continued = 0;
    el_set(edit, EL_PREP_TERM, 1);
    el_set(edit, EL_REFRESH);
  }

  // libedit takes what stands between two \1 to have no width; it drops such a part at the end.
  void set_prompt(std::string_view text) {
    Style style = style_for(stdout);
    std::string marked = format("\1{}\1{}\1{}\1 ", style.accent, text, style.plain);
    prompt.assign(marked.begin(), marked.end());
  }

  void remember(const wchar_t* line) {
    HistEventW event;
    history_w(history, &event, H_ENTER, line);
  }
};

LineEditor::LineEditor() : interactive_(on_terminal(stdin) && on_terminal(stdout)) {
  if (interactive_) terminal_ = std::make_unique<Terminal>();
}

LineEditor::~LineEditor() = default;

LineEditor::Outcome LineEditor::read(std::string_view prompt, std::string& text) {
  text.clear();
  for (;;) {
    std::string line;
    Outcome outcome = read_line(text.empty() ? prompt : "...", line);
    if (outcome == Outcome::kInterrupted) InterruptGuard::flag() = false;
    if (outcome != Outcome::kLine) return outcome;
    bool more = line.ends_with('\\');
    if (more) line.back() = '\n';
    text += line;
    if (!more) return Outcome::kLine;
  }
}

LineEditor::Outcome LineEditor::read_line(std::string_view prompt, std::string& line) {
  if (!interactive_) return std::getline(std::cin, line) ? Outcome::kLine : Outcome::kEnd;
  terminal_->set_prompt(prompt);
  int length = 0;
  send("\x1b[?2004h");  // mark pasted text, also what is pasted until the next read
  el_set(terminal_->edit, EL_PREP_TERM,
         1);  // before the prompt, else a quick key meets the old mode
  const wchar_t* typed = el_wgets(terminal_->edit, &length);
  if (InterruptGuard::flag()) return Outcome::kInterrupted;
  if (!typed || length <= 0) return Outcome::kEnd;
  std::wstring entered(typed, size_t(length));
  if (entered.ends_with(L'\n')) entered.pop_back();
  if (!entered.empty()) terminal_->remember(entered.c_str());
  line = to_utf8(entered);
  return Outcome::kLine;
}

}  // namespace slm
