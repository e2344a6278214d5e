#include "hub/listing.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "hub/repository.h"
#include "hub/selection.h"
#include "hub/settings.h"
#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "util/files.h"
#include "util/json.h"

namespace slm {
namespace {

using testing::refusal;
using testing::scratch_dir;

constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

std::string refused(const Json& listing) {
  return refusal([&] { parse_listing(listing.dump(), "url"); });
}

Json with_file(const Json& file) { return {{"sha", kCommit}, {"siblings", Json::array({file})}}; }

TEST(Repository, ReadsNamesAndNothingElse) {
  EXPECT_EQ(parse_repository("stabilityai/stablelm-2-1_6b")->id, "stabilityai/stablelm-2-1_6b");
  EXPECT_EQ(parse_repository("a/b")->revision, "main");
  EXPECT_EQ(parse_repository("a/b@refs/pr/1")->revision, "refs/pr/1");
  for (const char* text :
       {"", "a", "/a", "a/", "a/b/c", "../b", "a/..", "a/b@", "a/b@../c", "a/b@/c", "a/b@x//y",
        "a b/c", "a/b?x=1", "a/b#c", "-a/b", "a/b--c", "a/b@-x", "a/b@x/.hidden", "https://host/a"})
    EXPECT_FALSE(parse_repository(text)) << text;
}

// The names in a listing become paths: whatever leads outside the folder is refused.
TEST(Listing, RefusesHostileFileNames) {
  using namespace std::string_literals;
  for (const std::string& name :
       {"../x"s, "a/../../x"s, "/etc/passwd"s, ""s, "."s, "a//b"s, "a/"s, "a\0b"s, "a\nb"s, "a\\b"s,
        "..\\x"s, std::string(300, 'a'), std::string(2000, 'a')})
    EXPECT_NE(refused(with_file({{"rfilename", name}})).find("could lead outside"),
              std::string::npos)
        << name;
  EXPECT_EQ(refused(with_file({{"rfilename", "a/b..c/.d"}})), "no error");
}

TEST(Listing, RefusesHostileNumbersAndHashes) {
  for (const Json& size : {Json(-1), Json(int64_t{1} << 51), Json(1.5), Json("7"), Json(1e300)}) {
    EXPECT_NE(refused(with_file({{"rfilename", "a"}, {"size", size}})).find("\"size\""),
              std::string::npos)
        << size;
    EXPECT_NE(refused(with_file({{"rfilename", "a"}, {"lfs", {{"size", size}}}})).find("\"size\""),
              std::string::npos)
        << size;
  }
  for (const char* hash : {"../x", "a/b", "a b", "..", "\"x\""})
    EXPECT_NE(refused(with_file({{"rfilename", "a"}, {"blobId", hash}})).find("odd hash"),
              std::string::npos)
        << hash;
  for (const char* sha : {"main", "../../x", "", "0123456789ABCDEF0123456789abcdef01234567"})
    EXPECT_NE(refused({{"sha", sha}, {"siblings", Json::array()}}).find("key \"sha\""),
              std::string::npos)
        << sha;
  Json twice = with_file({{"rfilename", "a"}});
  twice["siblings"].push_back(twice["siblings"][0]);
  EXPECT_EQ(refused(twice), "url: the file \"a\" appears twice");
  EXPECT_NE(refused({{"sha", kCommit}, {"siblings", {{"a", 1}}}}).find("must be a list"),
            std::string::npos);
}

TEST(Listing, SurvivesTruncationAtEveryByte) {
  std::string whole = with_file({{"rfilename", "a"}, {"size", 1}, {"blobId", "x"}}).dump();
  for (size_t n = 0; n < whole.size(); ++n)
    EXPECT_NE(refusal([&] { parse_listing(whole.substr(0, n), "url"); }), "no error") << n;
}

std::vector<std::string> selected(std::vector<std::string> names,
                                  const std::vector<std::string>& include = {},
                                  const std::vector<std::string>& exclude = {}) {
  std::vector<HubFile> files;
  for (const std::string& name : names) files.push_back({.path = name});
  std::vector<std::string> kept;
  for (const HubFile& file : select_files(files, include, exclude)) kept.push_back(file.path);
  return kept;
}

using Names = std::vector<std::string>;

TEST(Selection, LeavesOutWhatIsOfNoUse) {
  EXPECT_EQ(selected({"config.json", "model-00001-of-00001.safetensors", "pytorch_model.bin",
                      "pytorch_model.bin.index.json", "flax_model.msgpack", "tf_model.h5",
                      "onnx/model.onnx", "model.gguf", "tokenizer.model", "original/x.pth",
                      ".gitattributes"}),
            (Names{"config.json", "model-00001-of-00001.safetensors", "tokenizer.model"}));
  EXPECT_EQ(selected({"config.json", "pytorch_model.bin", "x.h5"}),
            (Names{"config.json", "pytorch_model.bin"}));
}

TEST(Selection, PatternsDecide) {
  Names all{"config.json", "model.safetensors", "pytorch_model.bin", "a/b.bin"};
  EXPECT_EQ(selected(all, {"*.bin"}), (Names{"pytorch_model.bin", "a/b.bin"}));
  EXPECT_EQ(selected(all, {"*.bin"}, {"a/"}), (Names{"pytorch_model.bin"}));
  EXPECT_EQ(selected(all, {}, {"*.json"}), (Names{"model.safetensors"}));
  EXPECT_NE(refusal([&] { selected(all, {"*.txt"}); }).find("none of the 4 files"),
            std::string::npos);
}

TEST(Selection, AsksWhichGguf) {
  EXPECT_EQ(selected({"a.gguf"}), Names{"a.gguf"});
  EXPECT_NE(refusal([&] {
              selected({"a.gguf", "b.gguf"});
            }).find("--include b.gguf"),
            std::string::npos);
  EXPECT_EQ(selected({"a.gguf", "b.gguf"}, {"a*"}), Names{"a.gguf"});
}

class Settings : public ::testing::Test {
 protected:
  Settings() {
    for (const char* name :
         {"HF_ENDPOINT", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_CACHE",
          "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "XDG_CACHE_HOME"})
      ::unsetenv(name);
    ::setenv("HF_HOME", home_.c_str(), 1);
  }
  ~Settings() override { ::unsetenv("HF_HOME"), ::unsetenv("HF_TOKEN"), ::unsetenv("HF_ENDPOINT"); }

  std::filesystem::path home_ = scratch_dir();
};

TEST_F(Settings, AreThoseOfTheHuggingFaceTools) {
  write_file_atomically(home_ / "token", "hf_file\n");
  HubSettings settings = hub_settings_from_environment();
  EXPECT_EQ(settings.endpoint, "https://huggingface.co");
  EXPECT_EQ(settings.cache, home_ / "hub");
  EXPECT_EQ(settings.token, "hf_file");
  EXPECT_FALSE(settings.offline);
  ::setenv("HF_TOKEN", "hf_variable", 1);
  ::setenv("HF_ENDPOINT", "https://mirror.example/", 1);
  settings = hub_settings_from_environment();
  EXPECT_EQ(settings.token, "hf_variable");
  EXPECT_EQ(settings.endpoint, "https://mirror.example");
}

// The class of CVE-2023-26130: a line break in a value would begin a header of its own.
TEST_F(Settings, RefusesATokenThatWouldBreakTheHeader) {
  ::setenv("HF_TOKEN", "hf_x\r\nX-Evil: 1", 1);
  EXPECT_NE(refusal([] { hub_settings_from_environment(); }).find("HF_TOKEN"), std::string::npos);
  ::setenv("HF_TOKEN", "hf_x", 1);
  ::setenv("HF_ENDPOINT", "file:///etc", 1);
  EXPECT_NE(refusal([] { hub_settings_from_environment(); }).find("HF_ENDPOINT"),
            std::string::npos);
}

}  // namespace
}  // namespace slm
