#include "cli/resolve_model.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "util/files.h"

namespace slm {
namespace {

namespace fs = std::filesystem;
using testing::refusal;

class ResolveModel : public ::testing::Test {
 protected:
  ResolveModel() {
    ::setenv("HF_HUB_CACHE", (dir_ / "cache").c_str(), 1);
    fs::create_directories(dir_ / "models" / "parrot");
  }
  ~ResolveModel() override { ::unsetenv("HF_HUB_CACHE"); }

  fs::path dir_ = testing::scratch_dir();
};

TEST_F(ResolveModel, PathsFirstThenTheCache) {
  EXPECT_EQ(resolve_model(dir_ / "models/parrot"), dir_ / "models/parrot");
  std::string commit(40, 'c');
  fs::path folder = dir_ / "cache/models--org--name";
  write_file_atomically(folder / "refs/main", commit);
  fs::create_directories(folder / "snapshots" / commit);
  EXPECT_EQ(resolve_model("org/name"), folder / "snapshots" / commit);
  EXPECT_EQ(resolve_model("org/name@" + commit), folder / "snapshots" / commit);
  EXPECT_EQ(refusal([] { resolve_model("org/name@v2"); }),
            "org/name@v2: no such model directory, and nothing of that name in the cache " +
                (dir_ / "cache").string() + "; `stablelm pull org/name@v2` downloads it");
}

TEST_F(ResolveModel, AFolderOfOneGgufIsThatFile) {
  fs::path folder = dir_ / "models/quantised";
  write_file_atomically(folder / "b.gguf", "GGUF");
  EXPECT_EQ(resolve_model(folder), folder / "b.gguf");
  write_file_atomically(folder / "a.gguf", "GGUF");
  EXPECT_EQ(refusal([&] { resolve_model(folder); }),
            folder.string() + ": 2 .gguf files, one model each; name one of them: a.gguf, b.gguf");
  write_file_atomically(folder / "config.json", "{}");
  EXPECT_EQ(resolve_model(folder), folder);
}

TEST_F(ResolveModel, SuggestsTheNearestSibling) {
  std::string wrong = dir_ / "models/parot";
  EXPECT_EQ(
      refusal([&] { resolve_model(wrong); }),
      wrong + ": no such model directory; did you mean " + (dir_ / "models/parrot").string() + "?");
  EXPECT_EQ(refusal([&] { resolve_model(dir_ / "model/parrot"); }),
            (dir_ / "model/parrot").string() + ": no such model directory; did you mean " +
                (dir_ / "models/parrot").string() + "?");
  EXPECT_EQ(refusal([&] { resolve_model(dir_ / "else"); }),
            (dir_ / "else").string() + ": no such model directory");
}

}  // namespace
}  // namespace slm
