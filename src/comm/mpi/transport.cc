// Messages between processes over MPI. Only calls that return at once are used, in a loop that
// gives way to those who compute and that ends when a peer stays away.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <thread>
#include <vector>

#include "comm/flight_recorder.h"
#include "comm/launch.h"
#include "comm/mpi/calls.h"
#include "comm/mpi/pulse.h"
#include "util/progress.h"

namespace slm {
namespace {

using mpi::check_call;
using Clock = std::chrono::steady_clock;

// A number of seconds that the environment may change.
struct Limit {
  const char* variable;
  double seconds;
};

constexpr size_t kMostBytes = size_t{1} << 30;  // of one MPI message: counts are ints
constexpr int kRecordsShown = 10;
constexpr int kEndedByPeer = 6;  // exit code: input/output

// How long one exchange may take. The slowest honest reason is a checkpoint the first rank writes.
constexpr Limit kPatience{"STABLELM_COMM_TIMEOUT", 1800};
// How long a process may show no sign of life.
constexpr Limit kSilence{"STABLELM_COMM_SILENCE", 20};

double seconds_of(const Limit& limit) {
  const char* text = std::getenv(limit.variable);
  if (!text) return limit.seconds;
  char* end = nullptr;
  double seconds = std::strtod(text, &end);
  check(end != text && *end == '\0' && seconds > 0, "{} is \"{}\", expected seconds",
        limit.variable, text);
  return seconds;
}

std::string host_name() {
  char name[256] = "";
  gethostname(name, sizeof(name) - 1);
  return name;
}

void rest(int64_t polls) {
  constexpr int64_t kEager = 200;
  if (polls < kEager)
    std::this_thread::yield();
  else
    std::this_thread::sleep_for(std::chrono::microseconds(polls < 2 * kEager ? 20 : 200));
}

class MpiTransport : public Transport {
 public:
  MpiTransport();
  ~MpiTransport() override;

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void exchange(int channel, std::span<const Outgoing> sends,
                std::span<const Incoming> receives) override;
  void interrupt() override { interrupted_ = true; }
  int open_channel() override;
  void abort(int exit_code) override;
  FlightRecorder& recorder() override { return *recorder_; }

 private:
  void wait(std::vector<MPI_Request>& requests, std::span<const int> peers);
  [[noreturn]] void give_up(std::vector<MPI_Request>& requests, std::span<const int> peers);
  void on_silence(int rank);

  std::mutex lock_;
  int rank_ = 0, size_ = 1, channels_ = 0;
  std::atomic<bool> interrupted_{false};
  int exceptions_ = std::uncaught_exceptions();
  double patience_ = seconds_of(kPatience), silence_ = seconds_of(kSilence);
  std::unique_ptr<FlightRecorder> recorder_;
  std::unique_ptr<mpi::Pulse> pulse_;
};

MpiTransport::MpiTransport() {
  int provided = 0;
  check_call(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided),
             "MPI_Init_thread");
  check_call(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_call(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
  check_call(MPI_Comm_size(MPI_COMM_WORLD, &size_), "MPI_Comm_size");
  recorder_ = std::make_unique<FlightRecorder>(rank_);
  if (provided < MPI_THREAD_SERIALIZED)
    fail(ErrorKind::kUnsupported, "this MPI does not allow calls from several threads");
  if (size_ == 1 && processes_promised() > 1)
    fail(ErrorKind::kInvalid,
         "{} processes were started, but MPI knows of one: start with `srun --mpi=pmix`, or with "
         "the "
         "mpirun of the MPI this program was built with",
         processes_promised());
  pulse_ =
      std::make_unique<mpi::Pulse>(lock_, rank_, size_, silence_, [this](int r) { on_silence(r); });
}

// Leaving is something all do together: who leaves because of an error ends the job instead.
MpiTransport::~MpiTransport() {
  if (std::uncaught_exceptions() > exceptions_) MPI_Abort(MPI_COMM_WORLD, 1);
  MPI_Request request;
  MPI_Ibarrier(MPI_COMM_WORLD, &request);
  for (int done = 0; !done;) {
    {
      std::lock_guard lock(lock_);
      MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    }
    if (!done) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  pulse_.reset();
  MPI_Finalize();
}

void MpiTransport::exchange(int channel, std::span<const Outgoing> sends,
                            std::span<const Incoming> receives) {
  std::vector<MPI_Request> requests;
  std::vector<int> peers;
  auto start = [&](int peer, size_t bytes, const auto& call) {
    for (size_t at = 0; at < bytes; at += kMostBytes) {
      requests.emplace_back();
      peers.push_back(peer);
      call(at, int(std::min(kMostBytes, bytes - at)), &requests.back());
    }
  };
  {
    std::lock_guard lock(lock_);
    for (const Incoming& r : receives)
      start(r.from, r.bytes.size(), [&](size_t at, int count, MPI_Request* request) {
        check_call(MPI_Irecv(r.bytes.data() + at, count, MPI_BYTE, r.from, channel, MPI_COMM_WORLD,
                             request),
                   "MPI_Irecv");
      });
    for (const Outgoing& s : sends)
      start(s.to, s.bytes.size(), [&](size_t at, int count, MPI_Request* request) {
        check_call(
            MPI_Isend(s.bytes.data() + at, count, MPI_BYTE, s.to, channel, MPI_COMM_WORLD, request),
            "MPI_Isend");
      });
  }
  wait(requests, peers);
}

void MpiTransport::wait(std::vector<MPI_Request>& requests, std::span<const int> peers) {
  auto begin = Clock::now();
  for (int64_t polls = 0;; ++polls) {
    int done = 0;
    {
      std::lock_guard lock(lock_);
      check_call(MPI_Testall(int(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE),
                 "MPI_Testall");
    }
    if (done) return;
    if (interrupted_) fail(ErrorKind::kIo, "[mpi] interrupted: this process cannot go on");
    rest(polls);
    if (std::chrono::duration<double>(Clock::now() - begin).count() > patience_)
      give_up(requests, peers);
  }
}

void MpiTransport::give_up(std::vector<MPI_Request>& requests, std::span<const int> peers) {
  std::string missing;
  for (size_t i = 0; i < requests.size(); ++i) {
    int done = 0;
    std::lock_guard lock(lock_);
    check_call(MPI_Test(&requests[i], &done, MPI_STATUS_IGNORE), "MPI_Test");
    if (!done) missing += format("{}{}", missing.empty() ? "" : ", ", peers[i]);
  }
  fail(ErrorKind::kIo,
       "waited {} for rank {}, which did not come to the same collective "
       "(STABLELM_COMM_TIMEOUT=seconds waits longer); the last ones were\n{}",
       format_duration(patience_), missing, recorder_->last(kRecordsShown));
}

// There is no caller to throw to, and the others may be waiting: says why, and ends the job.
void MpiTransport::on_silence(int silent) {
  std::fprintf(stderr,
               "stablelm: rank %d has not been heard from for %s: its process is stopped or its "
               "machine is gone. The job ends. Last collectives of rank %d on %s:\n%s",
               silent, format_duration(silence_).c_str(), rank_, host_name().c_str(),
               recorder_->last(kRecordsShown).c_str());
  abort(kEndedByPeer);
}

int MpiTransport::open_channel() {
  check(channels_ < mpi::kPulseTag, "[mpi] too many groups");
  return channels_++;
}

void MpiTransport::abort(int exit_code) {
  std::fflush(nullptr);
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::_Exit(exit_code);
}

}  // namespace

std::shared_ptr<Transport> make_mpi_transport() { return std::make_shared<MpiTransport>(); }

}  // namespace slm
