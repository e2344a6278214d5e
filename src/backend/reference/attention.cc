#include <algorithm>
#include <cmath>

#include "backend/dropout_factors.h"
#include "backend/reference/numbers.h"
#include "backend/reference/reference.h"

namespace slm {

using namespace reference;

namespace {

double dot(const double* a, const double* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

void add_scaled(double factor, const double* x, double* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] += factor * x[i];
}

// What one query head sees: keys first .. first + p.size() with the probabilities p, and the
// factors dropout multiplies those with. Offsets are of the packed tensors, in numbers; `stride` is
// the distance from one key to the next.
struct View {
  size_t query, lse;   // of this query's head in q, y and in lse
  size_t key, stride;  // of the first key seen in k and v
  Numbers p, kept;
  double log_denominator;
};

class Attention {
 public:
  explicit Attention(const AttentionArgs& args)
      : args_(args), q_(read(args.q)), k_(read_weight(args.k)), slopes_(read(args.slopes)) {}

  template <class Visit>
  void each_query(Visit visit) const {
    for (const AttentionSegment& s : args_.segments)
      for (int64_t i = 0; i < s.q_len; ++i)
        for (int64_t h = 0; h < args_.q.dim(1); ++h) visit(view(s, i, h));
  }

  const Numbers& q() const { return q_; }
  const Numbers& k() const { return k_; }

 private:
  View view(const AttentionSegment& s, int64_t i, int64_t h) const {
    int64_t H = args_.q.dim(1), E = args_.q.dim(2);
    int64_t K = args_.k.shape().rank() == 3 ? args_.k.dim(1) : args_.k.dim(1) / E;
    int64_t position = s.k_len - s.q_len + i;
    int64_t first = args_.window ? std::max<int64_t>(0, position - args_.window + 1) : 0;
    int64_t head = (s.q_begin + i) * H + h;
    View v{size_t(head * E), size_t(head), size_t(((s.k_begin + first) * K + h / (H / K)) * E),
           size_t(K * E)};
    v.kept.assign(size_t(position - first + 1), 1);
    if (args_.dropout.rate > 0)
      attention_dropout_factors(args_.dropout, s.q_begin + i, h, first, v.kept);
    double slope = args_.slopes ? slopes_[size_t(h)] : 0, denominator = 0;
    for (int64_t j = first; j <= position; ++j) {
      size_t key = v.key + size_t(j - first) * v.stride;
      v.p.push_back(args_.scale * dot(&q_[v.query], &k_[key], E) + slope * double(j - position));
    }
    double highest = *std::max_element(v.p.begin(), v.p.end());
    for (double& p : v.p) denominator += p = std::exp(p - highest);
    for (double& p : v.p) p /= denominator;
    v.log_denominator = highest + std::log(denominator);
    return v;
  }

  const AttentionArgs& args_;
  Numbers q_, k_, slopes_;
};

}  // namespace

void ReferenceBackend::attention_forward(const AttentionArgs& args) {
  int64_t E = args.q.dim(2);
  Attention attention(args);
  Numbers v = read_weight(args.v), y(size_t(args.y.elements())),
          lse(size_t(args.q.dim(0) * args.q.dim(1)));
  attention.each_query([&](const View& view) {
    for (size_t j = 0; j < view.p.size(); ++j)
      add_scaled(view.p[j] * view.kept[j], &v[view.key + j * view.stride], &y[view.query], E);
    lse[view.lse] = view.log_denominator;
  });
  write(args.y, y);
  if (args.lse) write(args.lse, lse);
}

// With p the probabilities, f what dropout multiplies them with (1 without) and dp = f dy v':
// ds = p (dp - sum p dp), where sum p dp = dy y';  dq = scale ds k,  dk = scale ds' q,
// dv = (p f)' dy. lse is not used: it is rounded to f32.
void ReferenceBackend::attention_backward(const AttentionArgs& args, const AttentionGrads& grads) {
  int64_t E = args.q.dim(2);
  Attention attention(args);
  Numbers v = read(args.v), y = read(args.y), dy = read(grads.dy);
  Numbers dq(attention.q().size()), dk(v.size()), dv(v.size());
  attention.each_query([&](const View& view) {
    double mean_dp = dot(&dy[view.query], &y[view.query], E);
    for (size_t j = 0; j < view.p.size(); ++j) {
      size_t key = view.key + j * view.stride;
      double dp = view.kept[j] * dot(&dy[view.query], &v[key], E);
      double ds = args.scale * view.p[j] * (dp - mean_dp);
      add_scaled(ds, &attention.k()[key], &dq[view.query], E);
      add_scaled(ds, &attention.q()[view.query], &dk[key], E);
      add_scaled(view.p[j] * view.kept[j], &dy[view.query], &dv[key], E);
    }
  });
  write(grads.dq, dq);
  write(grads.dk, dk);
  write(grads.dv, dv);
}

}  // namespace slm
