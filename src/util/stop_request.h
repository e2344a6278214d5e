// Asks a long job to stop: SIGINT (Ctrl-C) and SIGTERM set a flag that the job looks at.
#pragma once

namespace slm {

// While one of these lives, the first SIGINT or SIGTERM only sets the flag; a second one ends the
// process as usual. The former behaviour comes back on destruction. At most one at a time.
class StopRequest {
 public:
  StopRequest();
  ~StopRequest();
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;

  bool requested() const;
};

}  // namespace slm
