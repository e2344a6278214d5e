#include "ops/attention.h"

#include <bit>
#include <cmath>

#include "backend/backend.h"
#include "util/error.h"

namespace slm {
namespace {

void check_arguments(const Tensor& q, const Tensor& k, const Tensor& v,
                     std::span<const AttentionSegment> segments) {
  check(q.shape().rank() == 3 && k.shape().rank() == (k.quantized() ? 2 : 3) &&
            k.shape() == v.shape() && k.quantized() == v.quantized(),
        "[attention] q {}, k {}, v {}", q.shape().to_string(), k.shape().to_string(),
        v.shape().to_string());
  int64_t size = k.quantized() ? q.dim(2) : k.dim(2), kv_heads = k.dim(1);
  if (k.quantized()) kv_heads = size > 0 && k.dim(1) % size == 0 ? k.dim(1) / size : 0;
  check(kv_heads > 0 && q.dim(1) % kv_heads == 0,
        "[attention] {} query heads cannot share {} kv heads", q.dim(1), kv_heads);
  check(q.dim(2) == size, "[attention] query heads of {}, key heads of {}", q.dim(2), size);
  for (const Tensor& t : {k, v})
    check(traits(t.dtype()).block_elems == 1 || traits(t.dtype()).block_elems == 32,
          "[attention] keys and values in {}: blocks of 32 are expected", traits(t.dtype()).name);
  for (const AttentionSegment& s : segments) {
    check(s.q_begin >= 0 && s.q_len > 0 && s.q_begin + s.q_len <= q.dim(0),
          "[attention] query rows {}+{} of {}", s.q_begin, s.q_len, q.dim(0));
    check(s.k_begin >= 0 && s.k_len >= s.q_len && s.k_begin + s.k_len <= k.dim(0),
          "[attention] key rows {}+{} of {} for {} queries", s.k_begin, s.k_len, k.dim(0), s.q_len);
  }
}

AttentionDropout dropout_of(const Dropout& d, uint64_t stream,
                            std::span<const AttentionSegment> segments) {
  if (d.attention == 0) return {};
  check(d.attention > 0 && d.attention < 1, "[attention] a dropout rate of {}, expected 0..1",
        d.attention);
  for (const AttentionSegment& s : segments)
    check(s.k_len <= int64_t{4} << kAttentionKeyBits,
          "[attention] {} keys in one sequence: dropout numbers {}", s.k_len,
          int64_t{4} << kAttentionKeyBits);
  return {d.attention, d.seed, stream, d.first_row};
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
                     .y = cx.backend.empty(q.shape(), q.dtype()),
                     .dropout = dropout_of(cx.dropout, spec.stream, segments)};
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
