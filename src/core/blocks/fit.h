// Weighted least squares on a group of weights that share a scale: the searches behind every block
// encoder.
//
// A group is written as integers q between lo and hi with x[i] ~ scale * q[i] + offset. For given
// integers the best scale and offset have a closed form, for a given scale and offset the best
// integers are roundings; the searches try several spans of the integers over the group's range and
// then alternate the two. Numbers need to be finite; others give some block, not undefined
// behaviour.
#pragma once

#include <cstdint>

namespace slm::blocks {

struct Group {
  const float* x;
  const float* weight;  // not negative
  int n;                // a multiple of 4, at most 32
};

struct Line {
  float scale = 0, offset = 0;
};

// The integers a group may use.
struct Range {
  int lo, hi;
};

// The best line through the origin; its scale may be negative.
Line fit_scale(const Group& g, Range range);
// The best line of a positive scale, for integers from 0 to `most`.
Line fit_line(const Group& g, int most);
// The same, with an offset that is not positive.
Line fit_line_below_zero(const Group& g, int most);

// The sum of weight * error^2 with the best integers for this line.
float squared_error(const Group& g, Line line, Range range);
// The best integers for this line; 0 where the scale is 0.
void assign(const Group& g, Line line, Range range, int8_t* q);

// As an f16 scale, saturated.
uint16_t to_scale(float x);

// How the searches go, here and on devices: the group's range is first cut into so many steps more
// than the integers have (less than 0 leaves ends unused, more clips them); the best of these lines
// is then refined.
inline constexpr float kSpans[] = {0, -1, -0.75f, -0.5f, -0.25f, 0.25f, 0.5f, 0.75f, 1, 1.5f, 2};
inline constexpr int kRefinements = 4;
inline constexpr float kMostScale = 65504;  // the largest f16

}  // namespace slm::blocks
