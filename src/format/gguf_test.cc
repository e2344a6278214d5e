#include "format/gguf.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "util/files.h"

namespace slm {
namespace {

using testing::refusal;
using testing::scratch_dir;

Tensor pattern(const Shape& shape, DType dtype, uint32_t seed) {
  Tensor t = Tensor::host(shape, dtype);
  for (int64_t i = 0; i < t.bytes(); ++i)
    t.bytes_data()[i] = std::byte((seed = seed * 1664525 + 1013904223) >> 24);
  return t;
}

TensorSource source(const std::string& name, const Tensor& t) {
  return {name, t.dtype(), t.shape(), [t] { return t; }};
}

GgufMetadata one_of_each() {
  GgufMetadata m;
  m.set("general.architecture", std::string("test"));
  m.set("u8", uint8_t{200});
  m.set("i8", int8_t{-100});
  m.set("u16", uint16_t{60000});
  m.set("i16", int16_t{-30000});
  m.set("u32", uint32_t{4000000000});
  m.set("i32", int32_t{-2000000000});
  m.set("f32", 0.5f);
  m.set("bool", true);
  m.set("u64", uint64_t{1} << 63);
  m.set("i64", int64_t{-1} << 40);
  m.set("f64", 1e-300);
  m.set("strings", GgufArray(std::vector<std::string>{"", "a\nb", std::string("\0\xff", 2)}));
  m.set("bools", GgufArray(std::vector<bool>{true, false}));
  m.set("ids", GgufArray(std::vector<int32_t>{3, -1}));
  m.set("scores", GgufArray(std::vector<float>{0.25f, -1e9f}));
  m.set("none", GgufArray(std::vector<uint16_t>{}));
  return m;
}

TEST(Gguf, RoundTripIsBitExact) {
  auto path = scratch_dir() / "t.gguf";
  GgufMetadata metadata = one_of_each();
  std::vector<std::pair<std::string, Tensor>> tensors{
      {"w.f32", pattern({3, 5}, DType::kF32, 1)},       {"w.bf16", pattern({7}, DType::kBF16, 2)},
      {"w.f16", pattern({2, 2, 2, 1}, DType::kF16, 3)}, {"w.f64", pattern({1}, DType::kF64, 4)},
      {"w.i64", pattern({4}, DType::kI64, 5)},          {"w.i32", pattern({1, 9}, DType::kI32, 6)},
      {"w.i16", pattern({3}, DType::kI16, 7)},          {"w.i8", pattern({5}, DType::kI8, 8)}};
  std::vector<TensorSource> sources;
  for (const auto& [name, t] : tensors) sources.push_back(source(name, t));
  int64_t last = 0, all = -1;
  write_gguf(path, metadata, with_progress(sources, [&](int64_t done, int64_t total) {
               EXPECT_GT(done, last);
               last = done, all = total;
             }));
  EXPECT_EQ(last, all);
  EXPECT_TRUE(is_gguf(path));
  GgufFile file = open_gguf(path);
  ASSERT_EQ(file.metadata.items().size(), metadata.items().size());
  for (size_t i = 0; i < metadata.items().size(); ++i) {
    EXPECT_EQ(file.metadata.items()[i].key, metadata.items()[i].key);
    EXPECT_EQ(file.metadata.items()[i].value, metadata.items()[i].value);
  }
  ASSERT_EQ(file.tensors.entries().size(), tensors.size());
  for (const auto& [name, t] : tensors) {
    Tensor got = file.tensors.load(name);
    EXPECT_EQ(got.shape(), t.shape()) << name;
    EXPECT_EQ(got.dtype(), t.dtype()) << name;
    EXPECT_EQ(std::memcmp(got.bytes_data(), t.bytes_data(), size_t(t.bytes())), 0) << name;
  }
}

TEST(Gguf, TheBytesAreThoseOfTheFormat) {
  auto path = scratch_dir() / "t.gguf";
  GgufMetadata m;
  m.set("k", uint32_t{7});
  Tensor t = Tensor::of(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3});
  write_gguf(path, m, std::vector<TensorSource>{source("t", t)});
  std::string expected(
      "GGUF\3\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0"
      "\1\0\0\0\0\0\0\0k\4\0\0\0\7\0\0\0"
      "\1\0\0\0\0\0\0\0t\2\0\0\0\3\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
      24 + 17 + 41);
  expected.resize(96);
  expected.append(reinterpret_cast<const char*>(t.bytes_data()), 24);
  expected.resize(128);
  EXPECT_EQ(read_file(path), expected);
}

TEST(Gguf, AlignmentIsTheOneTheMetadataSays) {
  auto path = scratch_dir() / "t.gguf";
  GgufMetadata m;
  m.set("general.alignment", uint32_t{256});
  Tensor t = pattern({3}, DType::kF32, 1);
  write_gguf(path, m, std::vector<TensorSource>{source("a", t), source("b", t)});
  EXPECT_EQ(std::filesystem::file_size(path), 3 * 256u);
  EXPECT_EQ(std::memcmp(open_gguf(path).tensors.load("b").bytes_data(), t.bytes_data(), 12), 0);
}

TEST(Gguf, OneTensorIsHeldAtATime) {
  auto path = scratch_dir() / "t.gguf";
  std::weak_ptr<Storage> before;
  std::vector<TensorSource> sources;
  for (const char* name : {"a", "b", "c"})
    sources.push_back({name, DType::kF32, {64}, [&] {
                         EXPECT_TRUE(before.expired());
                         Tensor t = pattern({64}, DType::kF32, 1);
                         before = t.shared_storage();
                         return t;
                       }});
  write_gguf(path, GgufMetadata(), sources);
}

TEST(Gguf, WhatCannotBeWrittenIsRefused) {
  auto path = scratch_dir() / "t.gguf";
  auto write = [&](const TensorSource& s) {
    return refusal([&] { write_gguf(path, GgufMetadata(), std::vector<TensorSource>{s, s}); });
  };
  Tensor t = pattern({2, 2}, DType::kF32, 1);
  EXPECT_EQ(write(source("t", t)), "[gguf] cannot write a tensor named \"t\" twice");
  EXPECT_EQ(write(source("", t)), "[gguf] a tensor name has 1 to 63 bytes, not \"\"");
  EXPECT_EQ(write(source("t", pattern({1, 1, 1, 1, 1}, DType::kF32, 1))),
            "[gguf] tensor \"t\" has shape [1, 1, 1, 1, 1], expected 1 to 4 axes and at least one "
            "number");
  EXPECT_NE(write(source("t", pattern({2}, DType::kBool, 1))).find("GGUF files hold no bool"),
            std::string::npos);
  TensorSource liar{"t", DType::kF32, {3, 2}, [t] { return t; }};
  EXPECT_EQ(refusal([&] { write_gguf(path, GgufMetadata(), std::vector<TensorSource>{liar}); }),
            "[tensor source] \"t\" was announced as f32 [3, 2] on the host and came as f32 [2, 2]");
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Gguf, OtherFilesAreNotGguf) {
  auto dir = scratch_dir();
  EXPECT_FALSE(is_gguf(dir));
  EXPECT_FALSE(is_gguf(dir / "absent"));
  write_file_atomically(dir / "short", "GGU");
  EXPECT_FALSE(is_gguf(dir / "short"));
}

TEST(GgufMetadata, ReadsByMeaningAndNamesWhatIsWrong) {
  GgufMetadata m = one_of_each();
  EXPECT_EQ(m.integer("u8"), 200);
  EXPECT_EQ(m.integer("i64", INT64_MIN, 0), int64_t{-1} << 40);
  EXPECT_EQ(m.number("f64"), 1e-300);
  EXPECT_EQ(m.number("u16"), 60000);
  EXPECT_EQ(m.integers("ids"), (std::vector<int32_t>{3, -1}));
  EXPECT_EQ(m.numbers("scores"), (std::vector<float>{0.25f, -1e9f}));
  EXPECT_EQ(m.integer_or("absent", 5), 5);
  EXPECT_EQ(m.string_or("absent", "x"), "x");
  EXPECT_EQ(refusal([&] { m.integer("absent"); }),
            "GGUF metadata: key \"absent\" is missing, expected an integer");
  EXPECT_EQ(refusal([&] { m.integer("u8", 0, 100); }),
            "GGUF metadata: key \"u8\" must be an integer from 0 to 100, found 200");
  EXPECT_EQ(refusal([&] { m.integer("bool"); }),
            "GGUF metadata: key \"bool\" must be an integer from 0 to 1099511627776, found bool");
  EXPECT_NE(refusal([&] { m.integer("u64"); }), "no error");
  EXPECT_EQ(refusal([&] { m.string("ids"); }),
            "GGUF metadata: key \"ids\" must be a string, found array of i32");
  EXPECT_EQ(refusal([&] { m.strings("general.architecture"); }),
            "GGUF metadata: key \"general.architecture\" must be an array of strings, found "
            "\"test\"");
  EXPECT_EQ(refusal([&] { m.boolean("u8"); }),
            "GGUF metadata: key \"u8\" must be a bool, found 200");
  m.set("f32", NAN);
  EXPECT_EQ(refusal([&] { m.number("f32"); }),
            "GGUF metadata: key \"f32\" must be a finite number, found f32");
  m.set("ids", GgufArray(std::vector<int64_t>{int64_t{1} << 31}));
  EXPECT_EQ(refusal([&] { m.integers("ids"); }),
            "GGUF metadata: key \"ids\" holds 2147483648, which needs over 32 bits");
}

}  // namespace
}  // namespace slm
