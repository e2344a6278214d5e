#include "core/blocks/k_scales.h"

#include <algorithm>
#include <cmath>

#include "core/blocks/fit.h"
#include "core/dtype.h"

namespace slm::blocks {
namespace {

constexpr int kGroups = 8, kGroup = 32, kMost = 63;
constexpr int kRounds =
    3;  // of choosing integers for the f16 scales and f16 scales for the integers

Group group(const float* x, const float* weight, int g) {
  return {x + g * kGroup, weight + g * kGroup, kGroup};
}

int nearest_step(float value, float step) {
  return step > 0 ? int(std::clamp(std::nearbyint(value / step), 0.0f, float(kMost))) : 0;
}

Line line_of(const KScales& s, int scale, int min) {
  return {f16_to_f32(s.d) * float(scale), -f16_to_f32(s.dmin) * float(min)};
}

// Moves the group's two integers by at most one each to where the error is least; returns that
// error.
float settle(const Group& g, KScales& s, int index, int most) {
  int scale = s.scale[index], min = s.min[index];
  float best = squared_error(g, line_of(s, scale, min), {0, most});
  for (int ds = -1; ds <= 1; ++ds)
    for (int dm = -1; dm <= 1; ++dm) {
      int a = scale + ds, b = min + dm;
      if ((ds == 0 && dm == 0) || a < 0 || b < 0 || a > kMost || b > kMost) continue;
      float error = squared_error(g, line_of(s, a, b), {0, most});
      if (error < best) best = error, s.scale[index] = uint8_t(a), s.min[index] = uint8_t(b);
    }
  return best;
}

float settle_all(const float* x, const float* weight, KScales& s, int most) {
  float error = 0;
  for (int g = 0; g < kGroups; ++g) error += settle(group(x, weight, g), s, g, most);
  return error;
}

void assign_all(const float* x, const float* weight, const KScales& s, int most, int8_t* q) {
  for (int g = 0; g < kGroups; ++g)
    assign(group(x, weight, g), line_of(s, s.scale[g], s.min[g]), {0, most}, q + g * kGroup);
}

// The f16 scales that suit the integers best: x ~ d * (scale q) - dmin * min, two unknowns.
void refit(const float* x, const float* weight, const int8_t* q, KScales& s) {
  double aa = 0, ab = 0, bb = 0, xa = 0, xb = 0;
  for (int g = 0; g < kGroups; ++g) {
    float w = 0, wx = 0, wq = 0, wqq = 0, wxq = 0;
    for (int i = g * kGroup; i < (g + 1) * kGroup; ++i) {
      float weighted = weight[i] * float(q[i]);
      w += weight[i];
      wx += weight[i] * x[i];
      wq += weighted;
      wqq += weighted * float(q[i]);
      wxq += weighted * x[i];
    }
    double scale = s.scale[g], min = s.min[g];
    aa += scale * scale * double(wqq);
    ab += scale * min * double(wq);
    bb += min * min * double(w);
    xa += scale * double(wxq);
    xb += min * double(wx);
  }
  double det = aa * bb - ab * ab;
  double d = det > 0 ? (xa * bb - xb * ab) / det : aa > 0 ? xa / aa : 0;
  double dmin = det > 0 ? (xa * ab - xb * aa) / det : 0;
  if (d > 0) s.d = to_scale(float(d));
  if (dmin > 0) s.dmin = to_scale(float(dmin));
}

}  // namespace

KScales fit_k_scales(const float* x, const float* weight, int most, int8_t* q) {
  Line lines[kGroups];
  float largest_scale = 0, largest_min = 0;
  for (int g = 0; g < kGroups; ++g) {
    lines[g] = fit_line_below_zero(group(x, weight, g), most);
    largest_scale = std::max(largest_scale, lines[g].scale);
    largest_min = std::max(largest_min, -lines[g].offset);
  }
  KScales best;
  best.d = to_scale(largest_scale / kMost);
  best.dmin = to_scale(largest_min / kMost);
  for (int g = 0; g < kGroups; ++g) {
    best.scale[g] = uint8_t(nearest_step(lines[g].scale, f16_to_f32(best.d)));
    best.min[g] = uint8_t(nearest_step(-lines[g].offset, f16_to_f32(best.dmin)));
  }
  float error = settle_all(x, weight, best, most);
  for (int round = 0; round < kRounds; ++round) {
    KScales next = best;
    assign_all(x, weight, best, most, q);
    refit(x, weight, q, next);
    float next_error = settle_all(x, weight, next, most);
    if (!(next_error < error)) break;
    best = next;
    error = next_error;
  }
  assign_all(x, weight, best, most, q);
  return best;
}

void pack(const KScales& s, uint8_t* bytes) {
  for (int g = 0; g < 4; ++g) {
    bytes[g] = uint8_t(s.scale[g] | (s.scale[g + 4] >> 4) << 6);
    bytes[g + 4] = uint8_t(s.min[g] | (s.min[g + 4] >> 4) << 6);
    bytes[g + 8] = uint8_t((s.scale[g + 4] & 15) | (s.min[g + 4] & 15) << 4);
  }
}

void unpack(const uint8_t* bytes, KScales& s) {
  for (int g = 0; g < 4; ++g) {
    s.scale[g] = bytes[g] & 63;
    s.min[g] = bytes[g + 4] & 63;
    s.scale[g + 4] = uint8_t((bytes[g + 8] & 15) | (bytes[g] >> 6) << 4);
    s.min[g + 4] = uint8_t(bytes[g + 8] >> 4 | (bytes[g + 4] >> 6) << 4);
  }
}

}  // namespace slm::blocks
