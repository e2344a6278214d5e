// Runs a program the way a user does, for end-to-end tests.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace slm::testing {

struct ProcessResult {
  int exit_code;  // 128 + signal when killed
  std::string out, err;
};

// Runs `words` (looked up in PATH) in `directory` with `input` on standard input; killed after
// `seconds`.
ProcessResult run_process(const std::vector<std::string>& words,
                          const std::filesystem::path& directory, const std::string& input = "",
                          int seconds = 120);

// Of a whole file; empty where there is none.
std::string contents(const std::filesystem::path& file);

// mpirun as tests need it: also for root, with more ranks than cores, and without a leak check of
// the memory that Open MPI itself keeps until a process ends.
inline constexpr const char* kMpirun =
    "mpirun --allow-run-as-root --oversubscribe -x ASAN_OPTIONS=detect_leaks=0";

// A directory of its own for one test, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace slm::testing
