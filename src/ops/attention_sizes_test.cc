// Attention at the sizes where kernels go over to other ones: heads that fill a tile and heads that
// do not, tiles that segments fill and do not, keys in a row of shares.
#include "ops/attention.h"

#include <cmath>

#include "support/op_test.h"

namespace slm {
namespace {

using namespace testing;
using Segments = std::vector<AttentionSegment>;

class AttentionSizes : public OpTest {
 protected:
  struct Sizes {
    int64_t queries, keys, heads, kv_heads, size;
  };

  void expect_close(const Sizes& n, const Segments& segments, AttentionSpec spec = {}) const {
    SCOPED_TRACE(::testing::Message() << n.queries << " of " << n.keys << ", heads of " << n.size);
    spec.scale = 1 / std::sqrt(float(n.size));
    auto op = [&](Context& cx, const Inputs& in) {
      return attend(cx, in[0], in[1], in[2], segments, spec);
    };
    expect_close_to_reference(
        {random({n.queries, n.heads, n.size}, 1), random({n.keys, n.kv_heads, n.size}, 2),
         random({n.keys, n.kv_heads, n.size}, 3)},
        op, std::max(n.keys, n.size));
  }
};
INSTANTIATE_TEST_SUITE_P(Every, AttentionSizes, ::testing::ValuesIn(every_backend_and_dtype()),
                         case_name);

TEST_P(AttentionSizes, Heads) {
  for (int64_t size : {32, 64, 72, 80, 96, 128, 160, 200, 256})
    expect_close({10, 12, 1, 1, size}, {{0, 10, 0, 12}});
}

TEST_P(AttentionSizes, Tiles) {
  for (int64_t queries : {31, 32, 33, 64, 65, 128, 129})
    expect_close({queries, queries, 1, 1, 8}, {{0, queries, 0, queries}});
}

// Queries in the middle of a tile of keys, several to a kv head, windows that end within tiles.
TEST_P(AttentionSizes, TilesOfOthers) {
  expect_close({20, 90, 3, 1, 16}, {{0, 20, 10, 77}});
  expect_close({20, 90, 2, 2, 16}, {{0, 20, 3, 85}}, {.window = 33});
  expect_close({40, 66, 2, 1, 8}, {{9, 31, 2, 64}, {0, 9, 50, 9}}, {.slopes = alibi_slopes(2)});
}

// Segments that share keys: what each adds to their gradient must not be lost.
TEST_P(AttentionSizes, SharedKeys) {
  expect_close({25, 30, 2, 1, 8}, {{0, 10, 0, 12}, {10, 12, 5, 25}, {22, 3, 0, 9}});
}

TEST_P(AttentionSizes, SharesOfKeys) {
  for (int64_t keys : {255, 256, 257, 513}) expect_close({2, keys, 2, 1, 8}, {{0, 2, 0, keys}});
  expect_close({5, 600, 3, 1, 8}, {{0, 4, 0, 300}, {4, 1, 300, 300}}, {.window = 70});
}

}  // namespace
}  // namespace slm
