#include "format/safetensors.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "support/test_data.h"
#include "util/files.h"

namespace slm {
namespace {

using testing::external_data;
using testing::refusal;
using testing::scratch_dir;

Tensor pattern(const Shape& shape, DType dtype, uint32_t seed) {
  Tensor t = Tensor::host(shape, dtype);
  for (int64_t i = 0; i < t.bytes(); ++i)
    t.bytes_data()[i] = std::byte((seed = seed * 1664525 + 1013904223) >> 24);
  return t;
}

std::vector<NamedTensor> one_of_each() {
  return {{"w.f32", pattern({3, 5}, DType::kF32, 1)},
          {"w.bf16", pattern({7}, DType::kBF16, 2)},
          {"w.f16", pattern({2, 2, 2}, DType::kF16, 3)},
          {"w.f64", pattern({1}, DType::kF64, 4)},
          {"w.i64", pattern({4}, DType::kI64, 5)},
          {"w.i32", pattern({}, DType::kI32, 6)},
          {"w.i16", pattern({3}, DType::kI16, 7)},
          {"w.i8", pattern({5}, DType::kI8, 8)},
          {"w.u8", pattern({0, 9}, DType::kU8, 9)},
          {"mask \"\\\u00e9", pattern({3}, DType::kBool, 10)}};
}

void expect_same(const Tensor& got, const Tensor& expected, const std::string& name) {
  ASSERT_EQ(got.shape(), expected.shape()) << name;
  ASSERT_EQ(got.dtype(), expected.dtype()) << name;
  EXPECT_EQ(std::memcmp(got.bytes_data(), expected.bytes_data(), size_t(got.bytes())), 0) << name;
}

TEST(Safetensors, RoundTripIsBitExact) {
  auto path = scratch_dir() / "t.safetensors";
  auto tensors = one_of_each();
  write_safetensors(path, sources_of(tensors), {{"format", "pt"}, {"note", "line\nbreak"}});
  TensorFiles files = open_safetensors(path);
  EXPECT_EQ(files.metadata().at("note"), "line\nbreak");
  ASSERT_EQ(files.entries().size(), tensors.size());
  for (const auto& t : tensors) expect_same(files.load(t.name), t.tensor, t.name);
  EXPECT_EQ(files.find("absent"), nullptr);
  EXPECT_EQ(refusal([&] { files.load("absent"); }), "the checkpoint has no tensor \"absent\"");
}

TEST(Safetensors, TensorsAreViewsThatKeepTheFileAlive) {
  auto path = scratch_dir() / "t.safetensors";
  auto tensors = one_of_each();
  write_safetensors(path, sources_of(tensors));
  Tensor first, again;
  {
    TensorFiles files = open_safetensors(path);
    first = files.load("w.f32"), again = files.load("w.f32");
  }
  std::filesystem::remove(path);
  EXPECT_EQ(first.bytes_data(), again.bytes_data());
  expect_same(first, tensors[0].tensor, "w.f32");
}

TEST(Safetensors, CopiesATensorThatLiesUnaligned) {
  auto path = scratch_dir() / "t.safetensors";
  std::string header =
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})";
  uint64_t length = header.size();
  float value = 1.5f;
  std::string file(reinterpret_cast<const char*>(&length), 8);
  file += header + 'x' + std::string(reinterpret_cast<const char*>(&value), 4);
  write_file_atomically(path, file);
  Tensor b = open_safetensors(path).load("b");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(b.data<float>()) % alignof(float), 0u);
  EXPECT_EQ(b.data<float>()[0], 1.5f);
}

TEST(Safetensors, AlignsDataAndOrdersLikeTheOriginalWriter) {
  auto path = scratch_dir() / "t.safetensors";
  write_safetensors(path, sources_of(one_of_each()));
  std::string bytes = read_file(path);
  uint64_t length;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0u);
  std::vector<std::string> names;
  TensorFiles files = open_safetensors(path);
  for (const auto& e : files.entries()) names.push_back(e.name);
  EXPECT_EQ(names, (std::vector<std::string>{"w.i64", "w.f64", "w.f32", "w.i32", "w.bf16", "w.f16",
                                             "w.i16", "w.i8", "w.u8", "mask \"\\\u00e9"}));
}

TEST(Safetensors, RefusesToWriteNonsense) {
  auto path = scratch_dir() / "t.safetensors";
  Tensor t = pattern({1}, DType::kF32, 1);
  auto write = [&](std::vector<NamedTensor> tensors) {
    return refusal([&] { write_safetensors(path, sources_of(tensors)); });
  };
  EXPECT_EQ(write({{"a", t}, {"a", t}}), "[safetensors] cannot write a tensor named \"a\" twice");
  EXPECT_EQ(write({{"__metadata__", t}}),
            "[safetensors] cannot write a tensor named \"__metadata__\"");
  EXPECT_EQ(write({{"\xff", t}}), "[safetensors] the tensor name \"\xff\" is not UTF-8");
  std::vector<TensorSource> liar{{"a", DType::kF32, {2}, [t] { return t; }}};
  EXPECT_EQ(refusal([&] { write_safetensors(path, liar); }),
            "[tensor source] \"a\" was announced as f32 [2] on the host and came as f32 [1]");
  liar[0].load = [] { return Tensor(); };
  EXPECT_NE(refusal([&] { write_safetensors(path, liar); }).find("came as nothing"),
            std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty(path.parent_path()));
}

// What a person waits for may not fit in memory: each tensor goes before the next one comes.
TEST(Safetensors, HoldsOneTensorAtATime) {
  std::vector<TensorSource> sources;
  std::weak_ptr<Storage> last;
  int made = 0;
  for (int i = 0; i < 5; ++i)
    sources.push_back({format("t{}", i), DType::kF32, {100}, [&] {
                         EXPECT_TRUE(last.expired());
                         Tensor t = pattern({100}, DType::kF32, 1);
                         last = t.shared_storage();
                         ++made;
                         return t;
                       }});
  write_checkpoint_dir(scratch_dir(), sources, {.max_shard_bytes = 800});
  EXPECT_EQ(made, 5);
}

TEST(Safetensors, RefusesAFifoInsteadOfWaiting) {
  auto path = scratch_dir() / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(refusal([&] { open_safetensors(path); }), path.string() + ": not a regular file");
}

TEST(CheckpointDir, ShardsAndReadsBack) {
  auto dir = scratch_dir();
  auto tensors = one_of_each();
  write_checkpoint_dir(dir, sources_of(tensors), {.max_shard_bytes = 1000});
  EXPECT_TRUE(exists(dir / "model.safetensors"));
  write_file_atomically(dir / "model-mine.safetensors", "kept");
  write_checkpoint_dir(dir, sources_of(tensors), {.max_shard_bytes = 30});
  EXPECT_FALSE(exists(dir / "model.safetensors"));
  EXPECT_TRUE(exists(dir / "model.safetensors.index.json"));
  EXPECT_TRUE(exists(dir / "model-00001-of-00005.safetensors"));
  EXPECT_TRUE(exists(dir / "model-mine.safetensors"));
  TensorFiles files = open_checkpoint_dir(dir);
  ASSERT_EQ(files.entries().size(), tensors.size());
  for (const auto& t : tensors) expect_same(files.load(t.name), t.tensor, t.name);
  write_checkpoint_dir(dir, sources_of(tensors), {.max_shard_bytes = 60});
  EXPECT_FALSE(exists(dir / "model-00001-of-00005.safetensors"));
  EXPECT_EQ(open_checkpoint_dir(dir).entries().size(), tensors.size());
}

int64_t unfinished_files(const std::filesystem::path& dir) {
  std::filesystem::directory_iterator files(dir);
  return std::count_if(begin(files), end(files), [](const auto& file) {
    return is_temporary_name(file.path().filename().string());
  });
}

// A disk that fills up, a kill: what was there stays, and nothing half-written is taken for a
// model.
TEST(CheckpointDir, AFailedSaveLeavesTheOldOne) {
  auto dir = scratch_dir();
  auto tensors = one_of_each();
  write_checkpoint_dir(dir, sources_of(tensors), {.max_shard_bytes = 30});
  write_file_atomically(dir / "config.json", "{}");
  auto sources = sources_of(tensors);
  bool shards_seen = false;
  sources.back().load = [&]() -> Tensor {
    shards_seen = unfinished_files(dir) > 0 && !exists(dir / "model-00001-of-00002.safetensors");
    fail(ErrorKind::kIo, "no space left");
  };
  EXPECT_EQ(refusal([&] { write_checkpoint_dir(dir, sources, {.max_shard_bytes = 100}); }),
            "no space left");
  EXPECT_TRUE(shards_seen);
  EXPECT_TRUE(exists(dir / "config.json"));
  EXPECT_EQ(open_checkpoint_dir(dir).entries().size(), tensors.size());
  EXPECT_EQ(unfinished_files(dir), 0);
  write_checkpoint_dir(dir, sources_of(tensors));
  EXPECT_FALSE(exists(dir / "config.json"));  // until the caller writes the new one
}

TEST(CheckpointDir, RefusesIndexesThatLie) {
  auto dir = scratch_dir();
  Tensor t = pattern({1}, DType::kF32, 1);
  write_safetensors(dir / "model-00001-of-00002.safetensors",
                    sources_of(std::vector<NamedTensor>{{"a", t}}));
  write_safetensors(dir / "model-00002-of-00002.safetensors",
                    sources_of(std::vector<NamedTensor>{{"a", t}, {"b", t}}));
  std::string index = (dir / "model.safetensors.index.json").string();
  auto with_index = [&](const std::string& json) {
    write_file_atomically(index, json);
    return refusal([&] { open_checkpoint_dir(dir); });
  };
  EXPECT_EQ(with_index("{}"), index + ": key \"weight_map\" is missing");
  EXPECT_EQ(with_index("[]"), index + ": expected a JSON object, found []");
  EXPECT_EQ(with_index(R"({"weight_map":[]})"), index + ": \"weight_map\" must be an object");
  EXPECT_EQ(with_index(R"({"weight_map":{"a":1}})"),
            index + ": \"weight_map\": the file of \"a\" must be a string");
  for (std::string name : {"../x.safetensors", "/etc/passwd", "", ".", "..", "a/b", "a\\\\b"}) {
    std::string text = with_index(format(R"({{"weight_map":{{"a":"{}"}}}})", name));
    EXPECT_NE(text.find("must be a plain file name"), std::string::npos) << name << ": " << text;
  }
  EXPECT_EQ(
      with_index(
          R"({"weight_map":{"a":"gone.safetensors","b":"model-00002-of-00002.safetensors"}})"),
      index +
          ": of the 2 files it lists, 1 is missing: gone.safetensors; the download is not "
          "complete: go on with it (`stablelm pull ORG/NAME`), or copy it here");
  EXPECT_EQ(with_index(R"({"weight_map":{"b":"model-00001-of-00002.safetensors"}})"),
            index + ": \"b\" is not in model-00001-of-00002.safetensors as the index says");
  EXPECT_EQ(
      with_index(
          R"({"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}})"),
      index + ": tensor \"a\" appears a second time");
}

TEST(CheckpointDir, SaysWhatItLookedFor) {
  auto dir = scratch_dir();
  EXPECT_EQ(refusal([&] { open_checkpoint_dir(dir); }),
            dir.string() +
                ": no weights here; looked for model.safetensors, pytorch_model.bin and their "
                ".index.json");
}

TEST(CheckpointDir, SaysWhatIsThereInstead) {
  auto dir = scratch_dir();
  auto refused = [&] { return refusal([&] { open_checkpoint_dir(dir); }); };
  for (auto [name, said] : {std::pair{"x.gguf", "; there is x.gguf: name that file itself"},
                            {"model-00001-of-00002.safetensors",
                             "; there is model-00001-of-00002.safetensors, but not the index that "
                             "goes with it"},
                            {"model.safetensors.incomplete",
                             "; model.safetensors.incomplete looks like a download or save that "
                             "was stopped"}}) {
    write_file_atomically(dir / name, "x");
    EXPECT_TRUE(refused().ends_with(said)) << refused();
    std::filesystem::remove(dir / name);
  }
  for (const char* name : {"model.safetensors", "pytorch_model.bin"}) {
    write_file_atomically(dir / name, "version https://git-lfs.github.com/spec/v1\noid sha256:1\n");
    EXPECT_TRUE(refused().starts_with((dir / name).string() + ": this is a Git LFS pointer"));
    write_file_atomically(dir / name, "<!DOCTYPE html>\n<html>");
    EXPECT_TRUE(refused().starts_with((dir / name).string() + ": this is a web page"));
    std::filesystem::remove(dir / name);
  }
  write_file_atomically(dir / "f.gguf", "GGUF");
  EXPECT_NE(refusal([&] { open_checkpoint_dir(dir / "f.gguf"); }).find("this is a file; expected"),
            std::string::npos);
}

TEST(CheckpointDir, ReadsTheShardedFixture) {
  SLM_REQUIRE_EXTERNAL("fixtures/stablelm-3b-sharded");
  TensorFiles files = open_checkpoint_dir(external_data("fixtures/stablelm-3b-sharded"));
  int64_t total = 0;
  for (const auto& e : files.entries()) total += files.load(e.name).bytes();
  EXPECT_EQ(total, 191232);  // total_size of its index
}

// Writing what was read gives the same file, byte for byte, as the original tools wrote.
TEST(CheckpointDir, RewritesAFixtureByteForByte) {
  SLM_REQUIRE_EXTERNAL("fixtures/stablelm-3b/model.safetensors");
  auto original = external_data("fixtures/stablelm-3b/model.safetensors");
  TensorFiles files = open_safetensors(original);
  std::vector<NamedTensor> tensors;
  for (const auto& e : files.entries()) tensors.push_back({e.name, files.load(e.name)});
  auto dir = scratch_dir();
  write_checkpoint_dir(dir, sources_of(tensors));
  EXPECT_TRUE(read_file(dir / "model.safetensors") == read_file(original));
}

}  // namespace
}  // namespace slm
