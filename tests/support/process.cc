#include "support/process.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace slm::testing {

namespace fs = std::filesystem;

std::string contents(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

namespace {

[[noreturn]] void become(const std::vector<std::string>& words, const fs::path& directory,
                         const fs::path& files, int seconds) {
  std::vector<char*> argv;
  for (const std::string& w : words) argv.push_back(const_cast<char*>(w.c_str()));
  argv.push_back(nullptr);
  bool ready = std::freopen((files / "in").c_str(), "r", stdin) &&
               std::freopen((files / "out").c_str(), "w", stdout) &&
               std::freopen((files / "err").c_str(), "w", stderr) && chdir(directory.c_str()) == 0;
  if (ready) {
    alarm(unsigned(seconds));
    execvp(argv[0], argv.data());
  }
  _exit(127);
}

}  // namespace

ProcessResult run_process(const std::vector<std::string>& words, const fs::path& directory,
                          const std::string& input, int seconds) {
  TemporaryDirectory files;
  std::ofstream(files.path() / "in", std::ios::binary) << input;
  pid_t child = fork();
  if (child == 0) become(words, directory, files.path(), seconds);
  int status = 0;
  waitpid(child, &status, 0);
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {code, contents(files.path() / "out"), contents(files.path() / "err")};
}

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (fs::temp_directory_path() / "stablelm-test-XXXXXX").string();
  path_ = mkdtemp(name.data());
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace slm::testing
