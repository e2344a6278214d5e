#include "format/safetensors_header.h"

#include <gtest/gtest.h>

#include <string>

#include "support/refusal.h"
#include "util/format.h"

namespace slm {
namespace {

using testing::refusal;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string file_of(std::string_view header, size_t data_bytes) {
  uint64_t length = header.size();
  std::string file(reinterpret_cast<const char*>(&length), sizeof(length));
  return file.append(header).append(data_bytes, '\x7f');
}

std::string refusal_of(const std::string& file) {
  return refusal([&] { parse_safetensors_header(bytes_of(file), "f"); });
}

TEST(SafetensorsHeader, ReadsEveryTypeAScalarAndAnEmptyTensor) {
  std::string file = file_of(
      R"({"__metadata__":{"format":"pt","k":"v"},"b":{"dtype":"F64","shape":[1,2],"data_offsets":[8,24]},)"
      R"("a":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"none":{"dtype":"BF16","shape":[3,0,4],)"
      R"("data_offsets":[24,24]},"m":{"data_offsets":[24,26],"shape":[2],"dtype":"BOOL"}}   )",
      26);
  SafetensorsHeader h = parse_safetensors_header(bytes_of(file), "f");
  EXPECT_EQ(h.metadata, (std::map<std::string, std::string>{{"format", "pt"}, {"k", "v"}}));
  ASSERT_EQ(h.tensors.size(), 4u);
  EXPECT_EQ(h.data_start, int64_t(file.size()) - 26);
  EXPECT_EQ(h.tensors[0].name, "a");
  EXPECT_EQ(h.tensors[0].shape, Shape{});
  EXPECT_EQ(h.tensors[0].dtype, DType::kI64);
  EXPECT_EQ(h.tensors[1].name, "b");
  EXPECT_EQ(h.tensors[1].shape, (Shape{1, 2}));
  EXPECT_EQ(h.tensors[2].name, "none");
  EXPECT_EQ(h.tensors[2].begin, h.tensors[2].end);
  EXPECT_EQ(h.tensors[3].dtype, DType::kBool);
  for (const char* name : {"F32", "BF16", "F16", "F64", "I64", "I32", "I16", "I8", "U8", "BOOL"}) {
    std::string one = format(R"({{"t":{{"dtype":"{}","shape":[0],"data_offsets":[0,0]}}}})", name);
    EXPECT_EQ(refusal_of(file_of(one, 0)), "no error");
  }
}

TEST(SafetensorsHeader, ReadsAFileWithoutTensors) {
  EXPECT_TRUE(parse_safetensors_header(bytes_of(file_of("{}", 0)), "f").tensors.empty());
}

TEST(SafetensorsHeader, ReadsManyTensorsQuickly) {
  std::string header = "{";
  for (int i = 0; i < 200'000; ++i)
    header += format(R"("t{}":{{"dtype":"U8","shape":[1],"data_offsets":[{},{}]}},)", i, i, i + 1);
  header.back() = '}';
  std::string file = file_of(header, 200'000);
  EXPECT_EQ(parse_safetensors_header(bytes_of(file), "f").tensors.size(), 200'000u);
}

TEST(SafetensorsHeader, RefusesBrokenFrames) {
  EXPECT_EQ(refusal_of(""), "f: 0 bytes, too short for a safetensors file");
  EXPECT_EQ(refusal_of(std::string(7, '\0')), "f: 7 bytes, too short for a safetensors file");
  EXPECT_EQ(refusal_of(std::string(8, '\0')), "f: the header does not start with '{'");
  EXPECT_EQ(refusal_of(std::string(8, '\xff') + "{}"),
            "f: header length 18446744073709551615 is over the limit of 100000000 bytes");
  EXPECT_EQ(refusal_of(std::string(7, '\0') + "\x80{}"),
            "f: header length 9223372036854775808 is over the limit of 100000000 bytes");
  uint64_t over = 100'000'001;
  EXPECT_EQ(refusal_of(std::string(reinterpret_cast<const char*>(&over), 8) + "{}"),
            "f: header length 100000001 is over the limit of 100000000 bytes");
  EXPECT_EQ(refusal_of(std::string("\x03\0\0\0\0\0\0\0{}", 10)),
            "f: header length 3 exceeds the 2 bytes that follow; truncated, or not safetensors");
  EXPECT_EQ(refusal_of(file_of("[]", 0)), "f: the header does not start with '{'");
  EXPECT_EQ(refusal_of(file_of(" {}", 0)), "f: the header does not start with '{'");
}

struct Case {
  std::string header;
  size_t data_bytes;
  std::string expected;
};

void expect_refusals(std::initializer_list<Case> cases) {
  for (const Case& c : cases)
    EXPECT_EQ(refusal_of(file_of(c.header, c.data_bytes)), c.expected) << c.header;
}

TEST(SafetensorsHeader, RefusesWhatIsNotJson) {
  using namespace std::string_view_literals;
  for (std::string_view broken :
       {"{"sv, "{}x"sv, "{\"a\":}"sv, "{\"\xff\":{}}"sv, "{'a':1}"sv, "{}\0"sv}) {
    std::string text = refusal_of(file_of(broken, 0));
    EXPECT_EQ(text.rfind("f: the header is not valid JSON: ", 0), 0u) << broken << ": " << text;
  }
  EXPECT_EQ(refusal_of(file_of("{\"a\":{\"shape\":[1,[", 0)),
            "f: tensor \"a\": unexpected an array in \"shape\"");
}

TEST(SafetensorsHeader, RefusesTheWrongSchema) {
  expect_refusals({
      {R"({"a":1})", 0, "f: \"a\" must be an object, found a number"},
      {R"({"a":null})", 0, "f: \"a\" must be an object, found null"},
      {R"({"a":"x"})", 0, "f: \"a\" must be an object, found a string"},
      {R"({"a":[]})", 0, "f: \"a\" must be an object, found an array"},
      {R"({"a":true})", 0, "f: \"a\" must be an object, found true or false"},
      {R"({"__metadata__":{"k":1}})", 0, "f: __metadata__ \"k\" must be a string, found a number"},
      {R"({"__metadata__":{"k":{}}})", 0,
       "f: __metadata__ \"k\" must be a string, found an object"},
      {R"({"__metadata__":[]})", 0, "f: \"__metadata__\" must be an object, found an array"},
      {R"({"__metadata__":{"k":"1","k":"2"}})", 0, "f: __metadata__ has \"k\" twice"},
      {R"({"__metadata__":{},"__metadata__":{}})", 0,
       "f: \"__metadata__\" appears twice in the header"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
       2, "f: \"a\" appears twice in the header"},
      {R"({"a":{"shape":[1],"data_offsets":[0,1]}})", 1, "f: tensor \"a\" has no \"dtype\""},
      {R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", 1, "f: tensor \"a\" has no \"shape\""},
      {R"({"a":{"dtype":"U8","shape":[1]}})", 1, "f: tensor \"a\" has no \"data_offsets\""},
      {R"({"a":{}})", 0, "f: tensor \"a\" has no \"data_offsets\""},
      {R"({"a":{"dtype":"U8","dtype":"U8"}})", 0, "f: tensor \"a\" has \"dtype\" twice"},
      {R"({"a":{"shape":[1],"shape":[1]}})", 0, "f: tensor \"a\" has \"shape\" twice"},
      {R"({"a":{"stride":[1]}})", 0, "f: tensor \"a\" has the unknown key \"stride\""},
      {R"({"a":{"dtype":8}})", 0, "f: tensor \"a\": unexpected a number in \"dtype\""},
      {R"({"a":{"dtype":["U8"]}})", 0, "f: tensor \"a\": unexpected an array in \"dtype\""},
      {R"({"a":{"shape":"1"}})", 0, "f: tensor \"a\": unexpected a string in \"shape\""},
      {R"({"a":{"shape":3}})", 0, "f: tensor \"a\": unexpected a number in \"shape\""},
      {R"({"a":{"shape":[-1]}})", 0, "f: tensor \"a\": unexpected a negative number in \"shape\""},
      {R"({"a":{"shape":[1.5]}})", 0,
       "f: tensor \"a\": unexpected a number that is not whole in \"shape\""},
      {R"({"a":{"shape":[18446744073709551616]}})", 0,
       "f: tensor \"a\": unexpected a number that is not whole in \"shape\""},
      {R"({"a":{"shape":["1"]}})", 0, "f: tensor \"a\": unexpected a string in \"shape\""},
      {R"({"a":{"shape":[null]}})", 0, "f: tensor \"a\": unexpected null in \"shape\""},
      {R"({"a":{"data_offsets":{}}})", 0,
       "f: tensor \"a\": unexpected an object in \"data_offsets\""},
  });
}

TEST(SafetensorsHeader, RefusesLies) {
  expect_refusals({
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", 1,
       "f: tensor \"a\" has 1 data_offsets, expected 2"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}})", 1,
       "f: tensor \"a\" has 3 data_offsets, expected 2"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", 1,
       "f: tensor \"a\" ends at byte 0, before it begins at 1"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", 1,
       "f: tensor \"a\" ends at byte 2 of 1 bytes of data; the file is cut short (a download that "
       "was stopped?)"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[18446744073709551614,18446744073709551615]}})",
       1,
       "f: tensor \"a\" ends at byte 18446744073709551615 of 1 bytes of data; the file is cut "
       "short (a download that was stopped?)"},
      {R"({"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}})", 1,
       "f: tensor \"a\" has dtype \"F4\", which is not supported"},
      {R"({"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}})", 4,
       "f: tensor \"a\" has dtype \"f32\", which is not supported"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,2]}})", 2,
       "f: tensor \"a\" F32 [1] needs 4 bytes, its data has 2"},
      {R"({"a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,24]}})", 24,
       "f: tensor \"a\" BF16 [2, 3] needs 12 bytes, its data has 24"},
      {R"({"a":{"dtype":"U8","shape":[],"data_offsets":[0,0]}})", 0,
       "f: tensor \"a\" U8 [] needs 1 bytes, its data has 0"},
      {R"({"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})", 1,
       "f: tensor \"a\" has 9 axes, at most 8 are supported"},
      {R"({"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,0]}})", 0,
       "f: tensor \"a\" has an axis of 9223372036854775808"},
      {R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0,
       "f: size of tensor \"a\": 4294967296 x 4294967296 does not fit in 64 bits"},
      {R"({"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}})", 0,
       "f: size of tensor \"a\": 8 x 2305843009213693952 does not fit in 64 bits"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
       3, "f: tensor \"b\" begins at byte 1 of the data, expected 2 (overlap)"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
       2, "f: tensor \"b\" begins at byte 0 of the data, expected 2 (overlap)"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
       3, "f: tensor \"b\" begins at byte 2 of the data, expected 1 (gap)"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2,
       "f: tensor \"a\" begins at byte 1 of the data, expected 0 (gap)"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 9,
       "f: 8 bytes after the last tensor belong to none"},
      {"{}", 1, "f: 1 bytes after the last tensor belong to none"},
  });
}

TEST(SafetensorsHeader, RefusesEveryTruncation) {
  std::string file = file_of(
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[],"data_offsets":[8,9]}})",
      9);
  EXPECT_EQ(refusal_of(file), "no error");
  for (size_t n = 0; n < file.size(); ++n) {
    std::string part = file.substr(0, n);
    EXPECT_NE(refusal_of(part), "no error") << n;
  }
}

}  // namespace
}  // namespace slm
