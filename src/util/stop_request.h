// Asks a long job to stop: SIGINT (Ctrl-C), SIGTERM and SIGUSR1 set a flag that the job looks at.
#pragma once

namespace slm {

// While one of these lives, the first of these signals only sets the flag; the same one again ends
// the process as usual. The former behaviour comes back on destruction. At most one at a time.
class StopRequest {
 public:
  StopRequest();
  ~StopRequest();
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;

  bool requested() const;
};

}  // namespace slm
