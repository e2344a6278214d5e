#include <algorithm>
#include <cmath>

#include "backend/reference/numbers.h"
#include "backend/reference/reference.h"

namespace slm {

using namespace reference;

namespace {

double log_n_factor(const Rope& rope, int32_t position) {
  if (rope.log_n_length == 0) return 1;
  return std::max(1.0, std::log(double(position) + 1) / std::log(double(rope.log_n_length)));
}

}  // namespace

// Frequencies and angles are rounded to f32, one operation at a time, because the published models
// were trained with angles rounded so.
void ReferenceBackend::rope_table(const RopeTableArgs& args) {
  int64_t T = args.table.dim(0), dims = args.table.dim(1), half = dims / 2;
  auto positions = args.positions.span<const int32_t>();
  Numbers table(size_t(T * dims));
  for (int64_t t = 0; t < T; ++t) {
    float position = float(positions[size_t(t)] / args.rope.scale);
    double factor = log_n_factor(args.rope, positions[size_t(t)]);
    for (int64_t i = 0; i < half; ++i) {
      float exponent = float(2 * i) / float(dims);
      float period = float(std::pow(args.rope.theta, double(exponent)));
      float angle = position * (1.0f / period);
      table[size_t(t * dims + i)] = factor * std::cos(double(angle));
      table[size_t(t * dims + half + i)] = factor * std::sin(double(angle));
    }
  }
  write(args.table, table);
}

void ReferenceBackend::rope(const RopeArgs& args) {
  Numbers x = read(args.x), table = read(args.table), y = x;
  int64_t T = args.x.dim(0), G = args.x.dim(1), E = args.x.dim(2);
  int64_t dims = args.table.dim(1), half = dims / 2;
  bool halves = args.pairing == Rope::kHalves;
  for (int64_t t = 0; t < T; ++t) {
    for (int64_t g = 0; g < G; ++g) {
      for (int64_t i = 0; i < half; ++i) {
        int64_t head = (t * G + g) * E;
        size_t a = size_t(head + (halves ? i : 2 * i));
        size_t b = size_t(head + (halves ? i + half : 2 * i + 1));
        double c = table[size_t(t * dims + i)], s = table[size_t(t * dims + half + i)];
        if (args.inverse) s = -s;
        y[a] = x[a] * c - x[b] * s;
        y[b] = x[b] * c + x[a] * s;
      }
    }
  }
  write(args.y, y);
}

}  // namespace slm
