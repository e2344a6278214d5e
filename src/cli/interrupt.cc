#include "cli/interrupt.h"

#include <cstdio>
#include <cstdlib>

namespace slm {
namespace {

constinit std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free, "the handler may not take a lock");

void on_interrupt(int) { interrupted = true; }

}  // namespace

std::atomic<bool>& InterruptGuard::flag() { return interrupted; }

InterruptGuard::InterruptGuard() {
  interrupted = false;
  struct sigaction action = {};
  action.sa_handler = on_interrupt;  // without SA_RESTART: a waiting read() returns
  sigaction(SIGINT, &action, &before_);
}

InterruptGuard::~InterruptGuard() { sigaction(SIGINT, &before_, nullptr); }

void end_by_interrupt() {
  std::fflush(nullptr);
  signal(SIGINT, SIG_DFL);
  raise(SIGINT);
  std::_Exit(130);
}

}  // namespace slm
