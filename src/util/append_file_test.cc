#include "util/append_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "util/files.h"

namespace slm {
namespace {

TEST(AppendFile, AppendsToWhatIsThere) {
  auto path = testing::scratch_dir() / "log";
  write_file_atomically(path, "one\n");
  EXPECT_TRUE(AppendFile(path).append("two\n"));
  EXPECT_EQ(read_file(path), "one\ntwo\n");
  EXPECT_NE(testing::refusal([&] { AppendFile(path / "below"); }).find("cannot open"),
            std::string::npos);
}

// A limit of 10 bytes cuts the second record: it goes as a whole.
TEST(AppendFile, ARecordThatDoesNotFitIsLeftOut) {
  auto path = testing::scratch_dir() / "log";
  pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{10, 10};
    setrlimit(RLIMIT_FSIZE, &limit);
    AppendFile log(path);
    bool good = log.append("12345\n") && !log.append("678901\n") && log.append("ab\n") &&
                !log.append("678901\n");
    std::string problem = log.take_problem();
    good = good && problem.find("log: cannot write") != std::string::npos &&
           problem.ends_with("left out 2 records") && log.take_problem().empty();
    _exit(good ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(read_file(path), "12345\nab\n");
}

}  // namespace
}  // namespace slm
