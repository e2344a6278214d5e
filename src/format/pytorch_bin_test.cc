#include "format/pytorch_bin.h"

#include <gtest/gtest.h>

#include <fstream>

#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "support/test_data.h"
#include "support/zip_builder.h"
#include "util/files.h"

namespace slm {
namespace {

using testing::external_data;
using testing::fixture;
using testing::refusal;
using testing::scratch_dir;
using testing::ZipBuilder;
using namespace std::string_view_literals;

template <class T>
std::vector<T> values(const TensorFiles& files, std::string_view name) {
  Tensor t = files.load(name);
  auto span = t.span<T>();
  return {span.begin(), span.end()};
}

class PytorchFile : public ::testing::TestWithParam<const char*> {};

TEST_P(PytorchFile, ReadsEveryTypeAndStride) {
  TensorFiles f = open_pytorch_bin(fixture("format") / GetParam());
  EXPECT_EQ(f.entries().size(), 16u);
  EXPECT_EQ(f.entries()[0].name, "plain");
  std::vector<float> iota(24);
  for (size_t i = 0; i < 24; ++i) iota[i] = float(i);
  EXPECT_EQ(f.find("plain")->shape, (Shape{4, 6}));
  EXPECT_EQ(values<float>(f, "plain"), iota);
  EXPECT_EQ(values<float>(f, "tied"), iota);
  std::vector<float> transposed;
  for (int c = 0; c < 6; ++c)
    for (int r = 0; r < 4; ++r) transposed.push_back(float(r * 6 + c));
  EXPECT_EQ(f.find("transposed")->shape, (Shape{6, 4}));
  EXPECT_EQ(values<float>(f, "transposed"), transposed);
  EXPECT_EQ(values<float>(f, "tail"), (std::vector<float>{20, 21, 22, 23}));
  EXPECT_EQ(values<float>(f, "column"), (std::vector<float>{1, 5, 9, 13, 17, 21}));
  EXPECT_EQ(f.find("scalar")->shape, Shape{});
  EXPECT_EQ(values<int64_t>(f, "scalar"), std::vector<int64_t>{7});
  EXPECT_EQ(f.find("empty")->shape, (Shape{0, 3}));
  EXPECT_EQ(values<uint16_t>(f, "half"), (std::vector<uint16_t>{0x3e00, 0xc000}));
  EXPECT_EQ(values<uint16_t>(f, "bf16"), (std::vector<uint16_t>{0x3fc0, 0xc000}));
  EXPECT_EQ(values<double>(f, "f64"), std::vector<double>{0.1});
  EXPECT_EQ(values<int32_t>(f, "i32"), std::vector<int32_t>{-5});
  EXPECT_EQ(values<int16_t>(f, "i16"), std::vector<int16_t>{-6});
  EXPECT_EQ(values<int8_t>(f, "i8"), std::vector<int8_t>{-7});
  EXPECT_EQ(values<uint8_t>(f, "u8"), std::vector<uint8_t>{250});
  EXPECT_EQ(f.find("mask")->dtype, DType::kBool);
  EXPECT_EQ(values<uint8_t>(f, "mask"), (std::vector<uint8_t>{1, 0}));
  EXPECT_EQ(values<float>(f, "parameter"), (std::vector<float>{1, 1}));
}

// Any prefix of a good file, and the file with any one byte changed, is read or refused; every
// tensor of what is read can be loaded.
TEST_P(PytorchFile, SurvivesTruncationAndDamageAtEveryByte) {
  std::string good = read_file(fixture("format") / GetParam());
  auto path = scratch_dir() / GetParam();
  auto attempt = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    return refusal([&] {
      TensorFiles files = open_pytorch_bin(path);
      for (const auto& e : files.entries()) files.load(e.name);
    });
  };
  for (size_t n = 0; n < good.size(); n += n < 300 || n + 300 > good.size() ? 1 : 37)
    EXPECT_NE(attempt(good.substr(0, n)), "no error") << n;
  for (size_t n = 0; n < good.size(); n += 7) {
    std::string bad = good;
    bad[n] = char(bad[n] ^ 0x41);
    attempt(bad);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, PytorchFile, ::testing::Values("zip.bin", "legacy.bin"));

TEST(PytorchBin, ReadsTheFixtureModel) {
  SLM_REQUIRE_EXTERNAL("fixtures/gpt_neox-full-rotary-bin/pytorch_model.bin");
  TensorFiles f =
      open_pytorch_bin(external_data("fixtures/gpt_neox-full-rotary-bin/pytorch_model.bin"));
  EXPECT_EQ(f.entries().size(), 28u);
  for (const auto& e : f.entries()) EXPECT_EQ(f.load(e.name).shape(), e.shape) << e.name;
}

// One tensor "a" of two floats, with the pieces of its pickle replaceable.
struct Program {
  std::string storage_type = "FloatStorage";
  std::string key = "0";
  std::string numel = "K\x02";
  std::string offset = std::string("K\0", 2);
  std::string size = "K\x02\x85";
  std::string stride = "K\x01\x85";
  std::string tag = "storage";

  std::string text(std::string_view prefix = {}, std::string_view suffix = {}) const {
    auto text_of = [](const std::string& s) { return std::string{'U', char(s.size())} + s; };
    std::string tensor = "ctorch._utils\n_rebuild_tensor_v2\n((" + text_of(tag) + "ctorch\n" +
                         storage_type + "\n" + text_of(key) + text_of("cpu") + numel + "tQ" +
                         offset + size + stride + "\x89}tR";
    return "\x80\x02" + std::string(prefix) + "}" + text_of("a") + tensor + "s" +
           std::string(suffix) + ".";
  }
};

std::string open_zip_with(const std::string& pickle, const std::string& data = std::string(8, '\0'),
                          const std::string& byteorder = "little", const std::string& top = "m/") {
  ZipBuilder zip;
  zip.add(top + "data.pkl", pickle);
  zip.add(top + "byteorder", byteorder);
  zip.add(top + "data/0", data);
  auto path = scratch_dir() / "handmade.bin";
  write_file_atomically(path, zip.build());
  std::string text = refusal([&] {
    TensorFiles files = open_pytorch_bin(path);
    for (const auto& e : files.entries()) files.load(e.name);
  });
  return text.starts_with(path.string()) ? text.substr(path.string().size() + 2) : text;
}

TEST(PytorchBin, RefusesLiesAboutStorages) {
  EXPECT_EQ(open_zip_with(Program().text()), "no error");
  EXPECT_EQ(open_zip_with(Program().text(), std::string(7, '\0')),
            "storage \"0\" has 7 bytes, expected 8");
  EXPECT_EQ(open_zip_with(Program{.key = "1"}.text()), "the archive has no storage \"1\"");
  EXPECT_EQ(open_zip_with(Program{.key = "../data.pkl"}.text()),
            "the archive has no storage \"../data.pkl\"");
  EXPECT_EQ(open_zip_with(Program{.numel = "J\xff\xff\xff\xff"}.text()),
            "a storage reference is malformed");
  EXPECT_EQ(open_zip_with(Program{.tag = "module"}.text()), "a storage reference is malformed");
  EXPECT_EQ(open_zip_with(Program{.storage_type = "Size"}.text()),
            "\"torch Size\" is not a storage type");
  EXPECT_EQ(open_zip_with(Program{.storage_type = "UntypedStorage"}.text()),
            "data.pkl: pickle byte 50: names \"torch.UntypedStorage\", which is not allowed; only "
            "plain tensors are read");
  std::string huge = "\x8a\x08" + std::string(7, '\xff') + "\x7f";
  std::string text = open_zip_with(Program{.numel = huge}.text());
  EXPECT_NE(text.find("9223372036854775807 x 4 does not fit in 64 bits"), std::string::npos)
      << text;
}

TEST(PytorchBin, RefusesLiesAboutTensors) {
  EXPECT_EQ(open_zip_with(Program{.offset = "K\x01"}.text()),
            "tensor \"a\" reaches element 2 with 2 elements, its storage has 2");
  EXPECT_EQ(open_zip_with(Program{.stride = "K\x02\x85"}.text()),
            "tensor \"a\" reaches element 2 with 2 elements, its storage has 2");
  EXPECT_EQ(
      open_zip_with(
          Program{.size = "J\xff\xff\xff\x7f\x85", .stride = std::string("K\0\x85", 3)}.text()),
      "tensor \"a\" reaches element 0 with 2147483647 elements, its storage has 2");
  EXPECT_EQ(open_zip_with(Program{.size = "J\xff\xff\xff\xff\x85"}.text()),
            "tensor \"a\": sizes and strides must be whole numbers from 0");
  EXPECT_EQ(open_zip_with(Program{.stride = "J\xff\xff\xff\xff\x85"}.text()),
            "tensor \"a\": sizes and strides must be whole numbers from 0");
  EXPECT_EQ(open_zip_with(Program{.offset = "J\xff\xff\xff\xff"}.text()),
            "tensor \"a\" is malformed");
  EXPECT_EQ(open_zip_with(Program{.stride = ")"}.text()), "tensor \"a\" has 1 axes and 0 strides");
  EXPECT_EQ(open_zip_with(Program{.size = "K\x02"}.text()),
            "tensor \"a\": its size is not a tuple");
  EXPECT_EQ(open_zip_with(Program{.size = "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t",
                                  .stride = "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t"}
                              .text()),
            "tensor \"a\" has 9 axes and 9 strides");
  std::string huge = "\x8a\x08" + std::string(7, '\xff') + "\x7f";
  std::string text =
      open_zip_with(Program{.size = huge + huge + "\x86", .stride = huge + huge + "\x86"}.text());
  EXPECT_NE(text.find("does not fit in 64 bits"), std::string::npos) << text;
  text = open_zip_with(Program{.offset = "K\x03", .size = std::string("K\0\x85", 3)}.text());
  EXPECT_EQ(text, "tensor \"a\" reaches element 3 with 0 elements, its storage has 2");
}

TEST(PytorchBin, RefusesOtherContents) {
  EXPECT_EQ(open_zip_with("\x80\x02N."), "the top of the file is not a dict of tensors");
  EXPECT_EQ(open_zip_with("\x80\x02}K\x01K\x02s."), "a key of the state dict is not a string");
  EXPECT_EQ(open_zip_with("\x80\x02}U\x01xK\x02s."), "\"x\" is not a tensor");
  EXPECT_EQ(open_zip_with("\x80\x02}U\x01x\x63os\nsystem\nU\x02id\x85Rs."),
            "data.pkl: pickle byte 6: names \"os.system\", which is not allowed; only plain "
            "tensors are read");
  EXPECT_EQ(open_zip_with(Program().text(), std::string(8, '\0'), "big"),
            "written on a big-endian machine");
  EXPECT_EQ(open_zip_with(Program().text(), std::string(8, '\0'), "little", ""),
            "a zip archive without data.pkl; not a file written by torch.save");
}

TEST(PytorchBin, FindsTheStateDictInsideOthers) {
  for (std::string key : {"state_dict", "model", "module"})
    EXPECT_EQ(open_zip_with(Program().text("}U\x05"
                                           "epochK\x03sU" +
                                               std::string(1, char(key.size())) + key,
                                           "s")),
              "no error");
  std::string loop = "\x80\x02}q\x01U\x05modelh\x01s.";  // a dict that is its own "model"
  EXPECT_EQ(open_zip_with(loop), "\"model\" is not a tensor");
}

TEST(PytorchBin, TellsOtherFilesApart) {
  auto path = scratch_dir() / "other.bin";
  auto open = [&](std::string_view bytes) {
    write_file_atomically(path, bytes);
    return refusal([&] { open_pytorch_bin(path); }).substr(path.string().size() + 2);
  };
  EXPECT_EQ(open(""), "neither a zip archive nor a pickle");
  EXPECT_EQ(open("hello"), "neither a zip archive nor a pickle");
  EXPECT_EQ(open("\x80\x02K\x01."), "not a file written by torch.save");
  EXPECT_EQ(open("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.K\x01."),
            "unknown version of the torch.save format");
}

}  // namespace
}  // namespace slm
