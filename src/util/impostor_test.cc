#include "util/impostor.h"

#include <gtest/gtest.h>

#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "util/files.h"
#include "util/json.h"

namespace slm {
namespace {

std::string refused(const std::string& beginning) {
  return testing::refusal([&] { refuse_impostor(beginning, "f"); });
}

TEST(Impostor, IsToldWhatItIs) {
  EXPECT_EQ(refused("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n"),
            "f: this is a Git LFS pointer, not the file itself; run `git lfs pull` in its folder, "
            "or fetch the model with `stablelm pull ORG/NAME`");
  for (const char* page :
       {"<!DOCTYPE html><html>", "\n  <html lang=en>", "\xef\xbb\xbf<!doctype HTML>"})
    EXPECT_NE(refused(page).find("f: this is a web page"), std::string::npos) << page;
  for (const char* other : {"", "{", "<", "<htm", "version 2", "<unk>\n"})
    EXPECT_EQ(refused(other), "no error") << other;
}

TEST(Impostor, IsRefusedAsAConfig) {
  auto file = testing::scratch_dir() / "config.json";
  write_file_atomically(file, "version https://git-lfs.github.com/spec/v1\n");
  EXPECT_NE(testing::refusal([&] { read_json_file(file); }).find("Git LFS pointer"),
            std::string::npos);
}

}  // namespace
}  // namespace slm
