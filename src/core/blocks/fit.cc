#include "core/blocks/fit.h"

#include <algorithm>
#include <cmath>

#include "core/dtype.h"

namespace slm::blocks {
namespace {

// Four numbers at once: what every processor of this architecture has.
using Vec = float __attribute__((vector_size(16)));
using VecInMemory = float __attribute__((vector_size(16), aligned(4), may_alias));

Vec load(const float* p) { return *reinterpret_cast<const VecInMemory*>(p); }
Vec splat(float x) { return Vec{x, x, x, x}; }
float sum(Vec v) { return (v[0] + v[1]) + (v[2] + v[3]); }

// The nearest integer of the range. Adding 1.5 * 2^23 leaves no bits for a fraction. Comparisons
// are written so that NaN becomes lo.
Vec nearest(Vec v, Vec lo, Vec hi) {
  constexpr float kShift = 0x1.8p23f;
  v = v > lo ? v : lo;
  v = v < hi ? v : hi;
  return (v + kShift) - kShift;
}

// Sums over a group of weight times what the names say.
struct Fixed {
  float w, x;
};
struct Moments {
  float q, xq, qq;
};

Fixed fixed_moments(const Group& g) {
  Vec w{}, x{};
  for (int i = 0; i < g.n; i += 4) {
    w += load(g.weight + i);
    x += load(g.weight + i) * load(g.x + i);
  }
  return {sum(w), sum(x)};
}

// With q = nearest((x - offset) * inverse).
Moments moments(const Group& g, float inverse, float offset, Range range) {
  Vec q_sum{}, xq{}, qq{};
  Vec lo = splat(float(range.lo)), hi = splat(float(range.hi));
  for (int i = 0; i < g.n; i += 4) {
    Vec x = load(g.x + i), q = nearest((x - offset) * inverse, lo, hi);
    Vec wq = load(g.weight + i) * q;
    q_sum += wq;
    xq += wq * x;
    qq += wq * q;
  }
  return {sum(q_sum), sum(xq), sum(qq)};
}

// A line and by how much it lowers the squared error below sum of w x^2; below zero: none was
// found.
struct Fit {
  Line line;
  float gain = -1;
};

void keep_better(Fit& best, const Fit& other) {
  if (other.gain > best.gain) best = other;
}

Fit best_scale(const Moments& m) {
  if (!(m.qq > 0)) return {};
  float scale = m.xq / m.qq;
  return {{scale, 0}, scale * m.xq};
}

Fit best_line(const Fixed& f, const Moments& m, bool below_zero) {
  float det = f.w * m.qq - m.q * m.q;
  if (!(det > 1e-5f * f.w * m.qq))  // all integers are the same
    return below_zero ? best_scale(m) : Fit{};
  float scale = (f.w * m.xq - f.x * m.q) / det;
  float offset = (m.qq * f.x - m.q * m.xq) / det;
  if (below_zero && offset > 0) return best_scale(m);
  if (!(scale > 0)) return {};
  return {{scale, offset}, scale * m.xq + offset * f.x};
}

float extreme_of(const Group& g) {
  float extreme = 0;
  for (int i = 0; i < g.n; ++i)
    if (std::abs(g.x[i]) > std::abs(extreme)) extreme = g.x[i];
  return extreme;
}

Line search_line(const Group& g, int most, bool below_zero) {
  auto [low, high] = std::minmax_element(g.x, g.x + g.n);
  float lo = below_zero ? std::min(*low, 0.0f) : *low, width = *high - lo;
  if (!(width > 0)) return {0, lo};
  Fixed fixed = fixed_moments(g);
  Range range{0, most};
  Fit best{{width / float(most), lo}};
  for (float span : kSpans)
    keep_better(best,
                best_line(fixed, moments(g, (float(most) + span) / width, lo, range), below_zero));
  for (int i = 0; i < kRefinements; ++i) {
    Fit next =
        best_line(fixed, moments(g, 1 / best.line.scale, best.line.offset, range), below_zero);
    if (!(next.gain > best.gain)) break;
    best = next;
  }
  return best.line;
}

}  // namespace

Line fit_scale(const Group& g, Range range) {
  float extreme = extreme_of(g);
  if (extreme == 0) return {};
  Fit best{{extreme / float(range.lo), 0}};
  for (int end : {range.lo, range.hi})
    for (float span : kSpans)
      keep_better(
          best, best_scale(moments(
                    g, (float(end) + std::copysign(1.0f, float(end)) * span) / extreme, 0, range)));
  for (int i = 0; i < kRefinements; ++i) {
    Fit next = best_scale(moments(g, 1 / best.line.scale, 0, range));
    if (!(next.gain > best.gain)) break;
    best = next;
  }
  return best.line;
}

Line fit_line(const Group& g, int most) { return search_line(g, most, false); }

Line fit_line_below_zero(const Group& g, int most) { return search_line(g, most, true); }

float squared_error(const Group& g, Line line, Range range) {
  float inverse = line.scale == 0 ? 0 : 1 / line.scale;
  Vec lo = splat(float(range.lo)), hi = splat(float(range.hi)), total{};
  for (int i = 0; i < g.n; i += 4) {
    Vec x = load(g.x + i), q = nearest((x - line.offset) * inverse, lo, hi);
    Vec error = x - (q * line.scale + line.offset);
    total += load(g.weight + i) * error * error;
  }
  return sum(total);
}

void assign(const Group& g, Line line, Range range, int8_t* q) {
  float inverse = line.scale == 0 ? 0 : 1 / line.scale;
  Vec lo = splat(float(range.lo)), hi = splat(float(range.hi));
  for (int i = 0; i < g.n; i += 4) {
    Vec v = nearest((load(g.x + i) - line.offset) * inverse, lo, hi);
    for (int j = 0; j < 4; ++j) q[i + j] = int8_t(v[j]);
  }
}

uint16_t to_scale(float x) {
  return f32_to_f16(!(x > -kMostScale) ? -kMostScale : x < kMostScale ? x : kMostScale);
}

}  // namespace slm::blocks
