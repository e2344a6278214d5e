#include <algorithm>
#include <cmath>

#include "core/blocks/fit.h"
#include "core/blocks/formats.h"
#include "core/dtype.h"

namespace slm::blocks {
namespace {

constexpr int kGroups = 16, kGroup = 16;
constexpr int kRounds = 3;
constexpr Range kRange{-32, 31};

struct Scales {
  uint16_t d = 0;  // f16
  int8_t scale[kGroups] = {};
};

Group group(const float* x, const float* weight, int g) {
  return {x + g * kGroup, weight + g * kGroup, kGroup};
}

Line line_of(const Scales& s, int scale) { return {f16_to_f32(s.d) * float(scale), 0}; }

// Moves each group's integer scale by at most one to where the error is least; returns that error.
float settle_all(const float* x, const float* weight, Scales& s) {
  float total = 0;
  for (int g = 0; g < kGroups; ++g) {
    int middle = s.scale[g];
    float best = squared_error(group(x, weight, g), line_of(s, middle), kRange);
    for (int scale : {middle - 1, middle + 1}) {
      if (scale < -128 || scale > 127) continue;
      float error = squared_error(group(x, weight, g), line_of(s, scale), kRange);
      if (error < best) best = error, s.scale[g] = int8_t(scale);
    }
    total += best;
  }
  return total;
}

void assign_all(const float* x, const float* weight, const Scales& s, int8_t* q) {
  for (int g = 0; g < kGroups; ++g)
    assign(group(x, weight, g), line_of(s, s.scale[g]), kRange, q + g * kGroup);
}

// The f16 scale that suits the integers best.
void refit(const float* x, const float* weight, const int8_t* q, Scales& s) {
  double xq = 0, qq = 0;
  for (int g = 0; g < kGroups; ++g) {
    float group_xq = 0, group_qq = 0;
    for (int i = g * kGroup; i < (g + 1) * kGroup; ++i) {
      group_xq += weight[i] * float(q[i]) * x[i];
      group_qq += weight[i] * float(q[i]) * float(q[i]);
    }
    xq += double(group_xq) * s.scale[g];
    qq += double(group_qq) * s.scale[g] * s.scale[g];
  }
  if (qq > 0) s.d = to_scale(float(xq / qq));
}

Scales fit(const float* x, const float* weight, int8_t* q) {
  float scales[kGroups], largest = 0;
  for (int g = 0; g < kGroups; ++g) {
    scales[g] = fit_scale(group(x, weight, g), kRange).scale;
    if (std::abs(scales[g]) > std::abs(largest)) largest = scales[g];
  }
  Scales best;
  best.d = to_scale(largest / -128);  // the largest takes the one integer more there is below zero
  float d = f16_to_f32(best.d);
  for (int g = 0; g < kGroups && d != 0; ++g)
    best.scale[g] = int8_t(std::clamp(std::nearbyint(scales[g] / d), -128.0f, 127.0f));
  float error = settle_all(x, weight, best);
  for (int round = 0; round < kRounds; ++round) {
    Scales next = best;
    assign_all(x, weight, best, q);
    refit(x, weight, q, next);
    float next_error = settle_all(x, weight, next);
    if (!(next_error < error)) break;
    best = next;
    error = next_error;
  }
  assign_all(x, weight, best, q);
  return best;
}

}  // namespace

void decode(const Q6_K& block, float* x) {
  float d = f16_to_f32(block.d);
  for (int i = 0; i < 256; ++i) {
    int half = i / 128, run = i / 32 % 4, l = i % 32;
    int low = block.low[64 * half + run % 2 * 32 + l] >> (run / 2 * 4) & 15;
    int high = block.high[32 * half + l] >> (2 * run) & 3;
    x[i] = d * float(block.scales[i / 16]) * float((low | high << 4) - 32);
  }
}

void encode(const float* x, const float* weight, Q6_K& block) {
  int8_t q[256];
  Scales s = fit(x, weight, q);
  block.d = s.d;
  std::copy_n(s.scale, kGroups, block.scales);
  std::fill_n(block.low, 128, uint8_t(0));
  std::fill_n(block.high, 64, uint8_t(0));
  for (int i = 0; i < 256; ++i) {
    int half = i / 128, run = i / 32 % 4, l = i % 32, value = q[i] + 32;
    block.low[64 * half + run % 2 * 32 + l] |= uint8_t((value & 15) << (run / 2 * 4));
    block.high[32 * half + l] |= uint8_t((value >> 4) << (2 * run));
  }
}

}  // namespace slm::blocks
