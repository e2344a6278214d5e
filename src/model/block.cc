#include "model/block.h"

#include "ops/add.h"
#include "ops/dropout.h"
#include "ops/forget.h"
#include "ops/norm.h"
#include "util/rng.h"

namespace slm {

Block::Block(const DecoderSpec& spec, const Parameters& parameters, const std::string& name,
             SumParts sum)
    : norm_(spec.norm),
      residual_(spec.residual),
      norm1_weight_(parameters.at(name + ".norm1.weight")),
      norm1_bias_(parameters.find(name + ".norm1.bias")),
      norm2_weight_(parameters.find(name + ".norm2.weight")),
      norm2_bias_(parameters.find(name + ".norm2.bias")),
      attention_(spec, parameters, name + ".attn"),
      mlp_(spec, parameters, name + ".mlp"),
      sum_(std::move(sum)),
      attention_stream_(hash_name(name + ".attn")),
      mlp_stream_(hash_name(name + ".mlp")) {}

Tensor Block::norm1(Context& cx, const Tensor& x) const {
  return norm(cx, x, norm1_weight_, norm1_bias_, norm_);
}
Tensor Block::norm2(Context& cx, const Tensor& x) const {
  return norm(cx, x, norm2_weight_, norm2_bias_, norm_);
}

//  sequential:       h = x + attn(n1(x));  y = h + mlp(n2(h))
//  parallel:         y = x + attn(n1(x)) + mlp(n2(x))
//  parallel shared:  y = x + attn(n1(x)) + mlp(n1(x))
Tensor Block::operator()(Context& cx, const Tensor& x, const AttentionPlan& plan,
                         const KvCache::Layer* cache) const {
  bool shared = residual_ == Residual::kParallelShared;
  Tensor n1 = read_by_parts(cx, norm1(cx, x), sum_);
  Tensor attended = sum_of_parts(attention_(cx, n1, plan, cache), sum_);
  Tensor h = axpy(cx, 1, dropout(cx, attended, attention_stream_), x);
  if (!shared) forget(cx, n1, [this, x](Context& c) { return norm1(c, x); });

  Tensor before = residual_ == Residual::kSequential ? h : x;
  Tensor n2 = shared ? n1 : read_by_parts(cx, norm2(cx, before), sum_);
  Tensor y = sum_of_parts(mlp_(cx, n2), sum_);
  forget(cx, n2, [this, shared, before](Context& c) {
    return shared ? norm1(c, before) : norm2(c, before);
  });
  return axpy(cx, 1, dropout(cx, y, mlp_stream_), h);
}

}  // namespace slm
