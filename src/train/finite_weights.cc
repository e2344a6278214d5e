#include "train/finite_weights.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "util/error.h"

namespace slm {
namespace {

// The first element that is not finite; -1: all are.
int64_t first_bad(const Tensor& tensor) {
  constexpr int64_t kPiece = 4096;  // a multiple of every format's block
  const DTypeTraits& type = traits(tensor.dtype());
  std::array<float, kPiece> piece;
  for (int64_t at = 0; at < tensor.elements(); at += kPiece) {
    int64_t count = std::min(kPiece, tensor.elements() - at);
    type.to_f32(tensor.bytes_data() + bytes_of(tensor.dtype(), at), piece.data(), count);
    auto end = piece.begin() + count;
    auto bad = std::find_if(piece.begin(), end, [](float x) { return !std::isfinite(x); });
    if (bad != end) return at + (bad - piece.begin());
  }
  return -1;
}

}  // namespace

void check_finite(const TensorFiles& weights, const std::string& origin) {
  for (const TensorEntry& entry : weights.entries()) {
    if (!traits(entry.dtype).floating) continue;
    int64_t bad = first_bad(weights.load(entry.name));
    check_data(bad < 0,
               "{}: \"{}\" is not finite at element {}: a model that holds NaN or infinity cannot "
               "be trained; take an earlier checkpoint",
               origin, entry.name, bad);
  }
  weights.release_pages();
}

}  // namespace slm
