#include <cmath>

#include "backend/reference/numbers.h"
#include "backend/reference/reference.h"

namespace slm {

using namespace reference;

namespace {

struct Stats {
  double mean, rstd;
};

Stats stats_of(const double* x, int64_t n, const NormSpec& spec) {
  double mean = 0, squares = 0;
  if (spec.kind == NormSpec::kLayer) {
    for (int64_t i = 0; i < n; ++i) mean += x[i];
    mean /= double(n);
  }
  for (int64_t i = 0; i < n; ++i) squares += (x[i] - mean) * (x[i] - mean);
  return {mean, 1 / std::sqrt(squares / double(n) + spec.eps)};
}

}  // namespace

void ReferenceBackend::norm_forward(const NormArgs& args) {
  Numbers x = read(args.x), w = read(args.w), b = read(args.b), y(x.size()), stats;
  int64_t N = args.x.dim(-1), G = args.w.elements() / N, R = args.x.elements() / N;
  for (int64_t r = 0; r < R; ++r) {
    Stats s = stats_of(&x[size_t(r * N)], N, args.spec);
    stats.insert(stats.end(), {s.mean, s.rstd});
    for (int64_t i = 0; i < N; ++i) {
      size_t at = size_t(r * N + i), weight = size_t(r % G * N + i);
      y[at] = (x[at] - s.mean) * s.rstd * w[weight] + (args.b ? b[weight] : 0);
    }
  }
  write(args.y, y);
  if (args.stats) write(args.stats, stats);
}

// With n = (x - mean) / std and g = dy w:  dx = (g - mean(g) - n mean(g n)) / std, without mean(g)
// for rms. The statistics are computed again: those the forward pass stored are rounded to f32.
void ReferenceBackend::norm_backward(const NormArgs& args, const NormGrads& grads) {
  Numbers x = read(args.x), w = read(args.w), dy = read(grads.dy);
  Numbers dx(x.size()), dw(w.size()), db(w.size());
  int64_t N = args.x.dim(-1), G = args.w.elements() / N, R = args.x.elements() / N;
  for (int64_t r = 0; r < R; ++r) {
    Stats s = stats_of(&x[size_t(r * N)], N, args.spec);
    double mean_g = 0, mean_gn = 0;
    for (int64_t i = 0; i < N; ++i) {
      size_t at = size_t(r * N + i), weight = size_t(r % G * N + i);
      double n = (x[at] - s.mean) * s.rstd, g = dy[at] * w[weight];
      dw[weight] += dy[at] * n;
      db[weight] += dy[at];
      mean_g += args.spec.kind == NormSpec::kLayer ? g / double(N) : 0;
      mean_gn += g * n / double(N);
    }
    for (int64_t i = 0; i < N; ++i) {
      size_t at = size_t(r * N + i), weight = size_t(r % G * N + i);
      double n = (x[at] - s.mean) * s.rstd, g = dy[at] * w[weight];
      dx[at] = (g - mean_g - n * mean_gn) * s.rstd;
    }
  }
  write(grads.dx, dx);
  write(grads.dw, dw);
  write(grads.db, db);
}

}  // namespace slm
