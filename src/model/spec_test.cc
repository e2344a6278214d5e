#include "model/spec.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/tiny_spec.h"
#include "support/refusal.h"

namespace slm::testing {
namespace {

struct Bad {
  const char* says;
  void (*spoil)(DecoderSpec& spec);
};

constexpr Bad kBad[] = {
    {"rotated values", [](DecoderSpec& s) { s.rope.dims = 3; }},
    {"without rotary positions", [](DecoderSpec& s) { s.positions = Positions::kAlibi; }},
    {"ALiBi values", [](DecoderSpec& s) { s.alibi_slope = 2; }},
    {"ALiBi slope",
     [](DecoderSpec& s) { s.positions = Positions::kAlibi, s.rope = {}, s.alibi_slope = 0; }},
    {"position offset", [](DecoderSpec& s) { s.position_offset = 2; }},
    {"window",
     [](DecoderSpec& s) { s.positions = Positions::kLearned, s.rope = {}, s.window = 8; }},
    {"window", [](DecoderSpec& s) { s.window = -1; }},
    {"norms of q and k",
     [](DecoderSpec& s) {
       s.positions = Positions::kAlibi, s.rope = {}, s.qk_norm = QkNorm::kPerHead;
     }},
    {"whole heads rotated", [](DecoderSpec& s) { s.rope.ntk_length = 16; }},
    {"whole heads rotated", [](DecoderSpec& s) { s.rope.log_n_length = 16; }},
    {"normalised output matrix",
     [](DecoderSpec& s) { s.normalized_head = true, s.tied_head = true; }},
    {"embedding scale", [](DecoderSpec& s) { s.embedding_scale = 0; }},
    {"logit scale", [](DecoderSpec& s) { s.logit_scale = std::nanf(""); }},
    {"clip", [](DecoderSpec& s) { s.qkv_clip = -1; }},
};

TEST(Spec, RefusesWhatDoesNotFitTogether) {
  EXPECT_NO_THROW(validate(tiny_spec(40)));
  for (const Bad& bad : kBad) {
    DecoderSpec spec = tiny_spec(40);
    bad.spoil(spec);
    std::string text = refusal([&] { validate(spec); });
    EXPECT_NE(text.find(bad.says), std::string::npos) << bad.says << ": " << text;
  }
}

}  // namespace
}  // namespace slm::testing
