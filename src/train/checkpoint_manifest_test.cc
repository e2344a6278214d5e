#include "train/checkpoint_manifest.h"

#include <gtest/gtest.h>

#include <fstream>

#include "format/safetensors.h"
#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "util/checksum.h"
#include "util/files.h"
#include "util/json.h"
#include "util/rng.h"

namespace slm {
namespace {

namespace fs = std::filesystem;
using testing::refusal;
using testing::scratch_dir;

constexpr int64_t kElements = 8;

Tensor numbers(float first) {
  Tensor t = Tensor::host({kElements}, DType::kF32);
  for (int64_t i = 0; i < kElements; ++i) t.data<float>()[i] = first + float(i);
  return t;
}

// A directory with a text and three tensors, and its manifest.
fs::path write_checkpoint() {
  fs::path directory = scratch_dir();
  std::vector<NamedTensor> tensors{{"a", numbers(1)}, {"b", numbers(2)}, {"c", numbers(3)}};
  write_safetensors(directory / "model.safetensors", sources_of(tensors));
  write_file_atomically(directory / "config" / "run.yml", "seed: 1\n");
  write_file_atomically(directory / kManifestFile, print_manifest(make_manifest(directory)));
  return directory;
}

// Without the flush that files worth keeping get.
void overwrite(const fs::path& file, std::string_view bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

void flip(const fs::path& file, int64_t at, int bit) {
  std::string bytes = read_file(file);
  bytes[size_t(at)] = char(bytes[size_t(at)] ^ (1 << bit));
  overwrite(file, bytes);
}

TEST(Manifest, PrintedAndReadBackIsTheSame) {
  fs::path directory = write_checkpoint();
  Manifest manifest = read_manifest(directory);
  EXPECT_EQ(print_manifest(manifest), read_file(directory / kManifestFile));
  ASSERT_EQ(manifest.files.size(), 2u);
  EXPECT_EQ(manifest.files[0].name, "config/run.yml");
  EXPECT_EQ(manifest.files[1].tensors.size(), 3u);
  EXPECT_EQ(manifest.files[1].tensors[2].end,
            int64_t(fs::file_size(directory / "model.safetensors")));
  EXPECT_TRUE(find_damage(directory, manifest).empty());
}

TEST(Manifest, TheDamagedTensorIsNamed) {
  fs::path directory = write_checkpoint(), file = directory / "model.safetensors";
  int64_t size = int64_t(fs::file_size(file)), tensor = kElements * 4;
  std::string good = read_file(file);
  auto complaint = [&] { return refusal([&] { verify_checkpoint(directory); }); };

  flip(file, size - tensor - 1, 3);
  EXPECT_EQ(complaint(),
            file.string() + ": its contents changed since it was written; damaged: \"b\"");
  write_file_atomically(file, good.substr(0, size_t(size - tensor - 1)));
  EXPECT_EQ(complaint(), format("{}: {} bytes, {} were written; damaged: \"b\", \"c\"",
                                file.string(), size - tensor - 1, size));
  write_file_atomically(file, good);
  flip(file, 9, 0);
  EXPECT_EQ(complaint(), file.string() + ": its header changed since it was written");
}

// Any one bit, anywhere in the checkpoint, the manifest included.
TEST(Manifest, EveryFlippedBitIsFound) {
  fs::path directory = write_checkpoint();
  Rng rng(5);
  for (const char* name : {"model.safetensors", "config/run.yml", "manifest.json"}) {
    fs::path file = directory / name;
    std::string good = read_file(file);
    for (int i = 0; i < 100; ++i) {
      int64_t at = int64_t(rng.uniform() * double(good.size()));
      int bit = int(rng.uniform() * 8);
      flip(file, at, bit);
      std::string what = refusal([&] { verify_checkpoint(directory); });
      // White space between the manifest's values may change without changing what it says.
      bool blank = good[size_t(at)] == ' ' || good[size_t(at)] == '\n';
      EXPECT_TRUE(what != "no error" || (blank && name == std::string("manifest.json")))
          << name << ": byte " << at << " bit " << bit;
      overwrite(file, good);
    }
  }
}

TEST(Manifest, VersionOneIsStillRead) {
  fs::path directory = scratch_dir();
  write_file_atomically(directory / "a.txt", "1234");
  write_file_atomically(directory / kManifestFile,
                        R"({"version": 1, "files": {"a.txt": {"bytes": 4, "crc32": 2615402659}}})");
  verify_checkpoint(directory);
  write_file_atomically(directory / "a.txt", "1235");
  EXPECT_NE(refusal([&] { verify_checkpoint(directory); }).find("a.txt: its contents changed"),
            std::string::npos);
}

std::string refusal_of(std::string_view files) {
  std::string sum = checksum_of(parse_json(files, "files").dump());
  return refusal([&] {
    parse_manifest(format(R"({{"version": 2, "files_checksum": "{}", "files": {}}})", sum, files),
                   "m");
  });
}

TEST(Manifest, RefusesWhatIsNotOne) {
  const std::string sum(32, '0');
  auto file = [&](std::string_view name, std::string_view rest) {
    return format(R"({{"{}": {{"bytes": 10, "xxh128": "{}"{}}}}})", name, sum, rest);
  };
  EXPECT_EQ(refusal_of(file("a", "")), "no error");
  EXPECT_NE(refusal_of(file("../a", "")).find("leads outside"), std::string::npos);
  EXPECT_NE(refusal_of(file("/a", "")).find("leads outside"), std::string::npos);
  EXPECT_NE(refusal_of(file("b/../../a", "")).find("leads outside"), std::string::npos);
  EXPECT_NE(refusal_of(R"({"a": {"bytes": -1, "xxh128": ""}})").find("bytes"), std::string::npos);
  EXPECT_NE(refusal_of(R"({"a": {"bytes": 1, "xxh128": "12"}})").find("32 hexadecimal"),
            std::string::npos);
  auto tensor = [&](int begin, int end) {
    return file("a", format(R"(, "tensors": {{"t": {{"begin": {}, "end": {}, "xxh128": "{}"}}}})",
                            begin, end, sum));
  };
  EXPECT_EQ(refusal_of(tensor(2, 10)), "no error");
  EXPECT_NE(refusal_of(tensor(2, 11)).find("\"end\""), std::string::npos);
  EXPECT_NE(refusal_of(tensor(5, 4)).find("\"end\""), std::string::npos);
  EXPECT_NE(
      refusal([] { parse_manifest(R"({"version": 3, "files": {}})", "m"); }).find("version 3"),
      std::string::npos);
}

}  // namespace
}  // namespace slm
