#include "format/gguf_header.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "support/refusal.h"

namespace slm {
namespace {

using testing::refusal;

// Bytes put together by hand: files no writer would make.
class Bytes {
 public:
  template <class T>
  Bytes& number(T value) {
    text_.append(reinterpret_cast<const char*>(&value), sizeof(T));
    return *this;
  }
  Bytes& text(std::string_view s) {
    number(uint64_t(s.size()));
    text_ += s;
    return *this;
  }
  Bytes& raw(std::string_view s) {
    text_ += s;
    return *this;
  }
  Bytes& tensor(std::string_view name, std::vector<uint64_t> ne, uint32_t type, uint64_t offset) {
    text(name).number(uint32_t(ne.size()));
    for (uint64_t n : ne) number(n);
    return number(type).number(offset);
  }
  Bytes& pad(size_t data_bytes, size_t alignment = 32) {
    text_.resize((text_.size() + alignment - 1) / alignment * alignment + data_bytes);
    return *this;
  }
  const std::string& str() const { return text_; }

 private:
  std::string text_;
};

Bytes header(uint64_t tensors, uint64_t keys, uint32_t version = 3) {
  Bytes b;
  b.raw("GGUF").number(version).number(tensors).number(keys);
  return b;
}

GgufHeader parse(const std::string& file) {
  return parse_gguf_header(std::as_bytes(std::span(file.data(), file.size())), "f");
}

std::string refusal_of(const Bytes& file) {
  return refusal([&] { parse(file.str()); });
}

// A refusal that names this part of the file.
#define EXPECT_REFUSED(file, part) \
  EXPECT_NE(refusal_of(file).find(part), std::string::npos) << refusal_of(file)

constexpr uint32_t kF32 = 0, kU32 = 4, kString = 8, kArray = 9;

// One key and two tensors, the smallest file with everything in it.
Bytes small_file(uint32_t version = 3) {
  Bytes b = header(2, 2, version);
  b.text("general.architecture").number(kString).text("test");
  b.text("tokens").number(kArray).number(kString).number(uint64_t{2}).text("a").text("bc");
  b.tensor("x", {3, 2}, kF32, 32).tensor("y", {4}, kF32, 0);
  return b.pad(32 + 24);
}

TEST(GgufHeader, ReadsVersions2And3) {
  for (uint32_t version : {2u, 3u}) {
    GgufHeader h = parse(small_file(version).str());
    EXPECT_EQ(h.metadata.string("general.architecture"), "test");
    EXPECT_EQ(h.metadata.strings("tokens"), (std::vector<std::string>{"a", "bc"}));
    ASSERT_EQ(h.tensors.size(), 2u);
    EXPECT_EQ(h.tensors[0].name, "x");
    EXPECT_EQ(h.tensors[0].shape, (Shape{2, 3}));
    EXPECT_EQ(h.tensors[0].begin - h.tensors[1].begin, 32);
    EXPECT_EQ(h.tensors[0].end, int64_t(small_file().str().size()));
  }
}

TEST(GgufHeader, AFileOfMetadataOnlyNeedsNoPadding) {
  EXPECT_TRUE(parse(header(0, 0).str()).tensors.empty());
}

TEST(GgufHeader, TruncationAtEveryByteIsRefused) {
  std::string whole = small_file().str();
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_NE(refusal([&] { parse(whole.substr(0, size)); }), "no error") << size;
}

TEST(GgufHeader, EveryChangedByteIsRefusedOrHarmless) {
  for (size_t i = 0; i < small_file().str().size(); ++i)
    for (int change : {1, 0x80, 0xff}) {
      std::string file = small_file().str();
      file[i] = char(file[i] ^ change);
      refusal([&] {
        for (const auto& t : parse(file).tensors) {
          EXPECT_GE(t.begin, 0);
          EXPECT_LE(t.end, int64_t(file.size()));
        }
      });
    }
}

TEST(GgufHeader, OtherVersionsAreNamed) {
  EXPECT_EQ(refusal_of(header(0, 0, 1)), "f: this is GGUF version 1; versions 2 and 3 are read");
  EXPECT_EQ(refusal_of(header(0, 0, 4)), "f: this is GGUF version 4; versions 2 and 3 are read");
  EXPECT_EQ(refusal_of(header(0, 0, 0x03000000)),
            "f: this GGUF file is big-endian; versions 2 and 3 are read");
  EXPECT_EQ(refusal_of(Bytes().raw("PK\3\4 and so on")),
            "f: not a GGUF file: it does not begin with \"GGUF\"");
}

// CVE-2024-21802, CVE-2024-21825, CVE-2024-21836, CVE-2024-23496, CVE-2024-23605: counts and
// lengths that wrap when multiplied by a size.
TEST(GgufHeader, Cve202421802CountsOfKeysAndTensors) {
  for (uint64_t count : {uint64_t{100}, uint64_t{1} << 60, UINT64_MAX, UINT64_MAX / 88 + 1}) {
    EXPECT_REFUSED(header(0, count).pad(64), "keys and 0 tensors do not fit");
    EXPECT_REFUSED(header(count, 0).pad(64), "tensors do not fit");
  }
}
TEST(GgufHeader, Cve202423496StringLengths) {
  for (uint64_t length : {uint64_t{200}, uint64_t{1} << 63, UINT64_MAX}) {
    EXPECT_REFUSED(header(0, 1).number(length).pad(64), "a metadata key");
    EXPECT_REFUSED(header(0, 1).text("k").number(kString).number(length).pad(64), "key \"k\"");
    EXPECT_REFUSED(header(1, 0).number(length).pad(64), "a tensor name");
  }
}
TEST(GgufHeader, Cve202421836ArrayLengths) {
  for (uint64_t count : {uint64_t{100}, uint64_t{1} << 61, uint64_t{1} << 62, UINT64_MAX})
    for (uint32_t element : {0u, 4u, 7u, 8u, 10u, 12u})
      EXPECT_REFUSED(header(0, 1).text("k").number(kArray).number(element).number(count).pad(64),
                     "does not fit in the");
}

// CVE-2025-53630 and CVE-2026-27940: sizes of tensors that add up to a small number.
TEST(GgufHeader, Cve202553630OffsetsAndSizesThatWrapWhenAdded) {
  EXPECT_REFUSED(header(1, 0).tensor("t", {8}, kF32, UINT64_MAX - 31).pad(64), "would lie at");
  EXPECT_REFUSED(header(1, 0).tensor("t", {8}, kF32, uint64_t{1} << 63).pad(64), "would lie at");
  EXPECT_REFUSED(header(2, 0)
                     .tensor("t", {uint64_t{1} << 60}, kF32, 0)
                     .tensor("u", {uint64_t{1} << 60}, kF32, 32)
                     .pad(64),
                 "would end at");
  EXPECT_REFUSED(header(1, 0).tensor("t", {uint64_t{INT64_MAX} / 4}, kF32, 32).pad(64), "f: ");
}

// CVE-2026-33298: a tensor whose number of bytes wraps to a small one.
TEST(GgufHeader, Cve202633298ExtentsThatWrapWhenMultiplied) {
  constexpr uint64_t k2 = uint64_t{1} << 32;
  EXPECT_REFUSED(header(1, 0).tensor("t", {k2, k2}, kF32, 0).pad(64), "does not fit in 64 bits");
  EXPECT_REFUSED(header(1, 0).tensor("t", {k2 * 2, k2, 4}, kF32, 0).pad(64), "does not fit");
  EXPECT_REFUSED(header(1, 0).tensor("t", {uint64_t{1} << 62}, kF32, 0).pad(64), "does not fit");
  EXPECT_REFUSED(header(1, 0).tensor("t", {uint64_t{1} << 63}, kF32, 0).pad(64), "positive");
  EXPECT_REFUSED(header(1, 0).tensor("t", {UINT64_MAX}, kF32, 0).pad(64), "positive");
  EXPECT_REFUSED(header(1, 0).tensor("t", {0}, kF32, 0).pad(64), "positive");
}

// CVE-2026-7482: data beyond the end of the file.
TEST(GgufHeader, Cve20267482DataBeyondTheFile) {
  EXPECT_REFUSED(header(1, 0).tensor("t", {17}, kF32, 0).pad(64), "would end at byte 68");
  EXPECT_REFUSED(header(1, 0).tensor("t", {9}, kF32, 32).pad(64), "would end at byte 68");
  EXPECT_EQ(refusal_of(header(1, 0).tensor("t", {8}, kF32, 32).pad(64)), "no error");
  EXPECT_REFUSED(header(1, 0).tensor("t", {1}, kF32, 0), "the file has 0");
}

// Alignments whose rounding wraps or divides by zero.
TEST(GgufHeader, AlignmentsThatAreNoPowerOfTwoOrAbsurd) {
  for (uint32_t alignment : {0u, 1u, 4u, 24u, 33u, 131072u, 0x80000000u, 0xffffffffu})
    EXPECT_REFUSED(header(0, 1).text("general.alignment").number(kU32).number(alignment).pad(64),
                   "a power of two from 8 to 65536");
  EXPECT_REFUSED(header(0, 1).text("general.alignment").number(kString).text("32").pad(64),
                 "must be an integer");
  EXPECT_REFUSED(header(1, 0).tensor("t", {2}, kF32, 8).pad(64), "not a multiple of the alignment");
}

TEST(GgufHeader, TensorsMustNotOverlapOrShareANameOrKeys) {
  EXPECT_REFUSED(header(2, 0).tensor("t", {9}, kF32, 0).tensor("u", {8}, kF32, 32).pad(64),
                 "tensors \"t\" and \"u\" overlap");
  EXPECT_REFUSED(header(2, 0).tensor("t", {8}, kF32, 0).tensor("t", {8}, kF32, 32).pad(64),
                 "tensor \"t\" appears a second time");
  EXPECT_REFUSED(
      header(0, 2).text("k").number(kU32).number(1u).text("k").number(kU32).number(1u).pad(64),
      "key \"k\" appears a second time");
}

TEST(GgufHeader, TypesThatDoNotExistOrAreNotSupportedAreNamed) {
  EXPECT_REFUSED(header(1, 0).tensor("t", {256}, 23, 0).pad(4096),
                 "tensor \"t\" is of type iq4_xs (23), supported are f32, f16");
  EXPECT_REFUSED(header(1, 0).tensor("t", {256}, 0xffffffff, 0).pad(4096), "of type 4294967295");
  EXPECT_REFUSED(header(0, 1).text("k").number(13u).pad(64), "13 is not a type of values");
  EXPECT_REFUSED(header(0, 1).text("k").number(UINT32_MAX).pad(64), "is not a type of values");
  EXPECT_REFUSED(header(0, 1).text("k").number(kArray).number(99u).number(uint64_t{0}).pad(64),
                 "99 is not a type of array elements");
  EXPECT_REFUSED(header(0, 1).text("k").number(kArray).number(kArray).number(uint64_t{1}).pad(64),
                 "arrays of arrays are not supported");
  EXPECT_REFUSED(header(0, 1).text("k").number(7u).number(uint8_t{2}).pad(64),
                 "a bool must be 0 or 1");
}

TEST(GgufHeader, NamesAndAxesHaveBounds) {
  EXPECT_REFUSED(header(1, 0).tensor(std::string(64, 'n'), {8}, kF32, 0).pad(64), "at most 63");
  EXPECT_REFUSED(header(1, 0).tensor("", {8}, kF32, 0).pad(64), "a tensor has no name");
  EXPECT_REFUSED(header(0, 1).text("").number(kU32).number(1u).pad(64), "key 0 is empty");
  EXPECT_REFUSED(header(1, 0).tensor("t", {}, kF32, 0).pad(64), "has 0 axes");
  EXPECT_REFUSED(header(1, 0).tensor("t", {1, 1, 1, 1, 1}, kF32, 0).pad(64), "has 5 axes");
}

}  // namespace
}  // namespace slm
