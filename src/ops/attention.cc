#include "ops/attention.h"

#include <bit>
#include <cmath>

#include "backend/backend.h"
#include "util/error.h"

namespace slm {
namespace {

void check_arguments(const Tensor& q, const Tensor& k, const Tensor& v,
                     std::span<const AttentionSegment> segments) {
  check(q.shape().rank() == 3 && k.shape().rank() == 3 && k.shape() == v.shape(),
        "[attention] q {}, k {}, v {}", q.shape().to_string(), k.shape().to_string(),
        v.shape().to_string());
  check(k.dim(1) > 0 && q.dim(1) % k.dim(1) == 0,
        "[attention] {} query heads cannot share {} kv heads", q.dim(1), k.dim(1));
  check(q.dim(2) == k.dim(2), "[attention] query heads of {}, key heads of {}", q.dim(2), k.dim(2));
  for (const AttentionSegment& s : segments) {
    check(s.q_begin >= 0 && s.q_len > 0 && s.q_begin + s.q_len <= q.dim(0),
          "[attention] query rows {}+{} of {}", s.q_begin, s.q_len, q.dim(0));
    check(s.k_begin >= 0 && s.k_len >= s.q_len && s.k_begin + s.k_len <= k.dim(0),
          "[attention] key rows {}+{} of {} for {} queries", s.k_begin, s.k_len, k.dim(0), s.q_len);
  }
}

}  // namespace

Tensor attend(Context& cx, const Tensor& q, const Tensor& k, const Tensor& v,
              std::vector<AttentionSegment> segments, const AttentionSpec& spec) {
  check_arguments(q, k, v, segments);
  bool recording = cx.recording(q, k, v);
  AttentionArgs args{.q = q,
                     .k = k,
                     .v = v,
                     .segments = segments,
                     .scale = spec.scale,
                     .window = spec.window,
                     .slopes = spec.slopes,
                     .uniform = spec.uniform,
                     .y = cx.backend.empty(q.shape(), q.dtype())};
  if (recording) args.lse = cx.backend.empty({q.dim(0), q.dim(1)}, DType::kF32);
  cx.backend.attention_forward(args);

  if (recording) {
    auto back = [args, segments = std::move(segments), &backend = cx.backend,
                 &tape = *cx.tape](const Tensor& dy) mutable {
      args.segments = segments;
      backend.attention_backward(args,
                                 {dy, tape.slot(args.q), tape.slot(args.k), tape.slot(args.v)});
    };
    cx.tape->record(args.y, std::move(back));
  }
  return args.y;
}

Tensor alibi_slopes(int64_t heads, float max_bias) {
  Tensor slopes = Tensor::host({heads}, DType::kF32);
  int64_t n = int64_t(std::bit_floor(uint64_t(heads)));
  for (int64_t h = 0; h < heads; ++h) {
    double exponent = h < n ? -double(max_bias) * double(h + 1) / double(n)
                            : -double(max_bias) / 2 * double(2 * (h - n) + 1) / double(n);
    slopes.data<float>()[h] = float(std::exp2(exponent));
  }
  return slopes;
}

}  // namespace slm
