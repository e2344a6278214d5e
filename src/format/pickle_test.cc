#include "format/pickle.h"

#include <gtest/gtest.h>

#include <bit>

#include "support/refusal.h"

namespace slm {
namespace {

using Kind = PickleValue::Kind;
using testing::refusal;
using namespace std::string_view_literals;

constexpr std::string_view kAllowed[] = {"torch Size"};

Pickle read(std::string_view text) {
  ByteReader in(std::as_bytes(std::span(text.data(), text.size())), "f");
  return read_pickle(in, kAllowed);
}

std::string refusal_of(std::string_view text) {
  return refusal([&] { read(text); });
}

TEST(Pickle, ReadsPlainValues) {
  Pickle p = read(
      "\x80\x02("
      "N\x88\x89J\xfe\xff\xff\xffK\xc8M\xe8\x03\x8a\x00\x8a\x01\xff\x8a\x08\0\0\0\0\0\0\0\x80"
      "\x8a\x09\1\2\3\4\5\6\7\x08\x09G\x3f\xf8\0\0\0\0\0\0X\x02\0\0\0ab\x8c\x01"
      "cT\x01\0\0\0dU\x01"
      "et."sv);
  auto v = p.items(p.root());
  ASSERT_EQ(p.root().kind, Kind::kTuple);
  ASSERT_EQ(v.size(), 15u);
  EXPECT_EQ(v[0].kind, Kind::kNone);
  EXPECT_EQ(v[1].number, 1);
  EXPECT_EQ(v[2].kind, Kind::kBool);
  EXPECT_EQ(v[2].number, 0);
  EXPECT_EQ(v[3].number, -2);
  EXPECT_EQ(v[4].number, 200);
  EXPECT_EQ(v[5].number, 1000);
  EXPECT_EQ(v[6].number, 0);
  EXPECT_EQ(v[7].number, -1);
  EXPECT_EQ(v[8].number, INT64_MIN);
  EXPECT_EQ(v[9].kind, Kind::kWideInteger);
  EXPECT_EQ(v[9].text.size(), 9u);
  EXPECT_EQ(std::bit_cast<double>(v[10].number), 1.5);
  EXPECT_EQ(v[11].text, "ab");
  EXPECT_EQ(v[12].text, "c");
  EXPECT_EQ(v[13].text, "d");
  EXPECT_EQ(v[14].text, "e");
}

TEST(Pickle, BuildsContainersThroughTheMemo) {
  // {"k": [1, 2, 3], "again": the same list}, with an attribute that is dropped
  Pickle p = read(
      "\x80\x02}q\x00(U\x01k]r\x01\0\0\0(K\x01K\x02"
      "eK\x03"
      "aU\x05"
      "againj\x01\0\0\0u}b."sv);
  auto d = p.items(p.root());
  ASSERT_EQ(d.size(), 4u);
  EXPECT_EQ(d[0].text, "k");
  ASSERT_EQ(p.items(d[1]).size(), 3u);
  EXPECT_EQ(p.items(d[1])[2].number, 3);
  EXPECT_EQ(d[3].number, d[1].number);
}

TEST(Pickle, CallsBecomeDataAndOrderedDictsDicts) {
  Pickle p = read("\x80\x02\x63torch\nSize\n(K\x02K\x03t\x85R."sv);
  EXPECT_EQ(p.root().kind, Kind::kCall);
  EXPECT_EQ(p.items(p.root())[0].text, "torch Size");
  Pickle q = read(
      "\x80\x04\x8c\x0b"
      "collections\x8c\x0bOrderedDict\x93)RK\x01K\x02s."sv);
  EXPECT_EQ(q.root().kind, Kind::kDict);
  EXPECT_EQ(q.items(q.root())[1].number, 2);
}

TEST(Pickle, ReadsOneOfSeveralAndStopsBehindIt) {
  std::string_view text = "K\x01.K\x02."sv;
  ByteReader in(std::as_bytes(std::span(text.data(), text.size())), "f");
  EXPECT_EQ(read_pickle(in, {}).root().number, 1);
  EXPECT_EQ(read_pickle(in, {}).root().number, 2);
  EXPECT_EQ(in.remaining(), 0u);
}

TEST(Pickle, RefusesGlobalsThatAreNotListed) {
  EXPECT_EQ(
      refusal_of("\x80\x02\x63os\nsystem\n(U\x02idtR."sv),
      "f: pickle byte 2: names \"os.system\", which is not allowed; only plain tensors are read");
  EXPECT_EQ(refusal_of("\x80\x04\x8c\x08"
                       "builtins\x8c\x04"
                       "eval\x93."sv),
            "f: pickle byte 18: names \"builtins.eval\", which is not allowed; only plain tensors "
            "are read");
  EXPECT_EQ(
      refusal_of("ctorch Size\n\n."sv),
      "f: pickle byte 0: names \"torch Size.\", which is not allowed; only plain tensors are read");
}

TEST(Pickle, RefusesOpcodesThatAreNotListed) {
  // INST, OBJ, NEWOBJ, NEWOBJ_EX, EXT1, PERSID, INT, LONG4, DUP, BINBYTES, FROZENSET, PUT, GET,
  // BYTEARRAY8
  for (char op : "io\x81\x92\x82PI\x8b\x32\x42\x91pg\x96"sv) {
    std::string text = {op, '.'};
    EXPECT_EQ(refusal_of(text),
              format("f: pickle byte 0: opcode 0x{:02x} is not allowed", uint8_t(op)));
  }
}

TEST(Pickle, RefusesBrokenPrograms) {
  struct Case {
    std::string_view text, expected;
  };
  const Case cases[] = {
      {""sv, "f: ends at byte 0, inside the pickle"},
      {"K"sv, "f: ends at byte 1, inside a number of the pickle"},
      {"K\x01"sv, "f: ends at byte 2, inside the pickle"},
      {"."sv, "f: pickle byte 0: the stack is empty"},
      {"0."sv, "f: pickle byte 0: the stack is empty"},
      {"NN."sv, "f: pickle byte 2: values are left over at the end"},
      {"N(."sv, "f: pickle byte 2: the stack is empty"},
      {"(N."sv, "f: pickle byte 2: values are left over at the end"},
      {"t."sv, "f: pickle byte 0: no mark is set"},
      {"1."sv, "f: pickle byte 0: no mark is set"},
      {"N\x86."sv, "f: pickle byte 1: the stack is empty"},
      {"](Ne(a"sv, "f: pickle byte 5: the stack is empty"},
      {"NNa."sv, "f: pickle byte 2: a list is needed here"},
      {"]NNs."sv, "f: pickle byte 3: a dict is needed here"},
      {"}(Nu."sv, "f: pickle byte 3: a dict key has no value"},
      {"h\x05."sv, "f: pickle byte 0: an unknown memo entry is recalled"},
      {"q\x05."sv, "f: pickle byte 0: the stack is empty"},
      {"X\xff\xff\xff\xff"
       "a."sv,
       "f: ends at byte 7, inside a string"},
      {"T\xff\xff\xff\xff"
       "a."sv,
       "f: pickle byte 0: a string has a negative length"},
      {"\x8a\x05"
       "abc"sv,
       "f: ends at byte 5, inside a number of the pickle"},
      {"\x80\x06."sv, "f: pickle byte 0: unknown protocol"},
      {"\x95\xff\xff\xff\xff\xff\xff\xff\xff."sv, "f: pickle byte 0: a frame is cut off"},
      {"ctorch"sv, "f: pickle byte 0: the name of a global does not end"},
      {"NN\x93."sv, "f: pickle byte 2: a global is not named by strings"},
      {"N)R."sv, "f: pickle byte 2: something that is not a global is called"},
      {"ctorch\nSize\nNR."sv, "f: pickle byte 13: the arguments of a call are not a tuple"},
      {"ccollections\nOrderedDict\nN\x85R."sv,
       "f: pickle byte 27: an OrderedDict is built from arguments"},
      {"NNb."sv, "f: pickle byte 2: a dict is needed here"},
      {"Q."sv, "f: pickle byte 0: the stack is empty"},
  };
  for (const Case& c : cases) EXPECT_EQ(refusal_of(c.text), c.expected) << c.text;
  EXPECT_EQ(refusal_of("c" + std::string(1000, 'a')),
            "f: pickle byte 0: the name of a global does not end");
}

TEST(Pickle, SurvivesDepthCyclesAndWidth) {
  std::string deep = "N" + std::string(500'000, '\x85') + ".";
  EXPECT_EQ(refusal_of(deep), "no error");
  EXPECT_EQ(refusal_of("]q\0h\0a."sv), "no error");  // a list that holds itself
  EXPECT_EQ(refusal_of(std::string(2'000'000, 'N')),
            "f: pickle byte 1048576: the stack is too deep");
  EXPECT_EQ(refusal_of(std::string(2'000'000, '(')), "f: pickle byte 1048576: too many marks");
  std::string endless;
  for (int i = 0; i < (1 << 24) + 1; ++i) endless += "N0";
  EXPECT_EQ(refusal_of(endless), "f: pickle byte 33554432: too many values");
}

}  // namespace
}  // namespace slm
