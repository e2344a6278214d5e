#include "comm/mpi/pulse.h"

#include <algorithm>
#include <chrono>

#include "comm/mpi/calls.h"

namespace slm::mpi {
namespace {

using namespace std::chrono_literals;

constexpr auto kPoll = 20ms;       // how quickly it stops
constexpr int kPollsPerBeat = 25;  // a beat every half second
constexpr double kBeatsPerSecond = 2;

}  // namespace

Pulse::Pulse(std::mutex& lock, int rank, int size, double seconds, std::function<void(int)> silent)
    : lock_(lock),
      next_((rank + 1) % size),
      previous_((rank + size - 1) % size),
      most_silent_beats_(std::max(1, int(seconds * kBeatsPerSecond))),
      silent_(std::move(silent)) {
  if (size > 1) thread_ = std::thread([this] { beat(); });
}

Pulse::~Pulse() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

// Takes what has arrived since the last look.
bool Pulse::heard() {
  std::lock_guard lock(lock_);
  bool any = false;
  for (int there = 1; there;) {
    check_call(MPI_Iprobe(previous_, kPulseTag, MPI_COMM_WORLD, &there, MPI_STATUS_IGNORE),
               "MPI_Iprobe");
    if (!there) break;
    char byte = 0;
    check_call(
        MPI_Recv(&byte, 1, MPI_CHAR, previous_, kPulseTag, MPI_COMM_WORLD, MPI_STATUS_IGNORE),
        "MPI_Recv");
    any = true;
  }
  return any;
}

// Counts beats of its own, not seconds: a job that is suspended as a whole may go on afterwards.
void Pulse::beat() {
  int silent_beats = 0;
  for (int polls = 0; !stop_; ++polls) {
    std::this_thread::sleep_for(kPoll);
    if (polls % kPollsPerBeat != 0) continue;
    {
      std::lock_guard lock(lock_);
      char byte = 0;
      MPI_Request request;
      check_call(MPI_Isend(&byte, 1, MPI_CHAR, next_, kPulseTag, MPI_COMM_WORLD, &request),
                 "MPI_Isend");
      check_call(MPI_Request_free(&request), "MPI_Request_free");  // one byte leaves at once
    }
    silent_beats = heard() ? 0 : silent_beats + 1;
    if (silent_beats == most_silent_beats_) return silent_(previous_);
  }
}

}  // namespace slm::mpi
