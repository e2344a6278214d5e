#include "util/stop_request.h"

#include <array>
#include <cassert>
#include <csignal>

namespace slm {
namespace {

// SIGUSR1: how batch systems announce the end of an allocation.
constexpr std::array<int, 3> kSignals{SIGINT, SIGTERM, SIGUSR1};
volatile std::sig_atomic_t g_requested = 0;  // all a signal handler may touch
bool g_installed = false;
std::array<struct sigaction, kSignals.size()> g_former;

void on_signal(int) { g_requested = 1; }

}  // namespace

StopRequest::StopRequest() {
  assert(!g_installed);
  g_installed = true;
  g_requested = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART | SA_RESETHAND;
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &action, &g_former[i]);
}

StopRequest::~StopRequest() {
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &g_former[i], nullptr);
  g_installed = false;
}

bool StopRequest::requested() const { return g_requested != 0; }

}  // namespace slm
