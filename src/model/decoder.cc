#include "model/decoder.h"

#include <algorithm>
#include <cmath>

#include "ops/add.h"
#include "ops/dropout.h"
#include "ops/embed.h"
#include "ops/norm.h"
#include "ops/recompute.h"
#include "util/error.h"
#include "util/rng.h"

namespace slm {
namespace {

// With a gain of 1 / sqrt(D), an RMS norm divides a row of D by its length. No row is shorter than
// 1e-12, as in PyTorch's normalize.
NormSpec length_norm(int64_t width) {
  return {.kind = NormSpec::kRms, .eps = 1e-24f / float(width), .bias = false};
}

Tensor length_gain(int64_t width) {
  Tensor gain = Tensor::host({width}, DType::kF32);
  std::ranges::fill(gain.span<float>(), float(1 / std::sqrt(double(width))));
  return gain;
}

// The same tensor where `memory` keeps it; null: on the host.
Tensor rows_of_length_one(const Tensor& w, Allocator* memory) {
  if (!memory) return rows_of_length_one(w);
  return to_device(*memory, rows_of_length_one(to_host(*memory, w)));
}

}  // namespace

Tensor rows_of_length_one(const Tensor& w) {
  int64_t width = w.dim(1);
  DType type = w.quantized() ? DType::kF32 : w.dtype();
  Tensor result = Tensor::host(w.shape(), type);
  std::vector<float> row(size_t(width), 0);
  for (int64_t r = 0; r < w.dim(0); ++r) {
    traits(w.dtype()).to_f32(w.rows(r, r + 1).bytes_data(), row.data(), width);
    double squares = 0;
    for (float x : row) squares += double(x) * x;
    double length = std::max(std::sqrt(squares), 1e-12);
    for (float& x : row) x = float(x / length);
    traits(type).from_f32(row.data(), result.rows(r, r + 1).bytes_data(), width);
  }
  return result;
}

Decoder::Decoder(const DecoderSpec& spec, const Parameters& parameters, const SumParts& sum)
    : Decoder(spec, parameters, parameters.trainable() ? parameters.values().dtype() : DType::kF32,
              sum) {}

Decoder::Decoder(const DecoderSpec& spec, const Parameters& parameters, DType states,
                 const SumParts& sum)
    : spec_(spec),
      states_(states),
      embed_(parameters.at("embed.weight")),
      positions_(parameters.find("positions.weight")),
      embed_norm_weight_(parameters.find("embed_norm.weight")),
      embed_norm_bias_(parameters.find("embed_norm.bias")),
      final_norm_weight_(parameters.at("final_norm.weight")),
      final_norm_bias_(parameters.find("final_norm.bias")),
      head_(spec.tied_head ? embed_ : parameters.at("head.weight")),
      head_bias_(parameters.find("head.bias")) {
  if (spec.normalized_head && parameters.trainable()) head_gain_ = length_gain(spec.width);
  if (spec.normalized_head && !parameters.trainable())
    head_ = rows_of_length_one(head_, parameters.memory());
  check(bool(sum) == (spec.parts > 1), "[decoder] {} parts {} a sum over them", spec.parts,
        sum ? "with" : "without");
  for (int64_t i = 0; i < spec.layers; ++i)
    blocks_.emplace_back(spec, parameters, format("blocks.{}", i), sum);
}

Decoder::Decoder(const DecoderSpec& spec, const Parameters& parameters, const Placement& placement)
    : Decoder(spec, parameters) {
  placement_ = placement;
  check(!parameters.trainable() || !placement.host,
        "[decoder] a model that learns lies on one backend");
  // Of a tied head both ends have a table of their own.
  if (placement.host && parameters.memory()) head_ = to_device(*parameters.memory(), head_);
}

Tensor Decoder::embedded(Context& cx, const Pass& pass) const {
  const TokenBatch& batch = pass.batch;
  Tensor x = embed(cx, batch.ids, embed_, spec_.embedding_scale, states_, spec_.padding_id);
  if (spec_.positions == Positions::kLearned) {
    Tensor rows = Tensor::host(batch.positions.shape(), DType::kI32);
    auto from = batch.positions.span<const int32_t>();
    for (size_t t = 0; t < from.size(); ++t) {
      check(from[t] < spec_.max_positions,
            "[positions] token {} of a sequence: the model has places for {}; shorten the text",
            from[t] + 1, spec_.max_positions);
      rows.data<int32_t>()[t] = from[t] + int32_t(spec_.position_offset);
    }
    x = axpy(cx, 1, embed(cx, rows, positions_, 1, states_), x);
  }
  if (spec_.embedding_norm) x = norm(cx, x, embed_norm_weight_, embed_norm_bias_, spec_.norm);
  x = dropout(cx, x, hash_name("embed"));
  if (pass.trace) pass.trace->push_back(x);
  return x;
}

// Blocks [begin, end), all on the context's backend.
Tensor Decoder::through_blocks(Context& cx, Tensor x, const Pass& pass, int64_t begin,
                               int64_t end) const {
  if (begin == end) return x;
  auto plan = plan_attention(cx, spec_, pass.batch, pass.cache);
  auto run = [this, plan, cache = pass.cache](Context& c, Tensor h, int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i)
      h = blocks_[size_t(i)](c, h, *plan, cache ? &cache->layer(i) : nullptr);
    return h;
  };
  for (int64_t i = begin, next = 0; i < end; i = next) {
    next = std::min(i + std::max<int64_t>(cx.recompute, 1), end);
    auto part = [run, i, next](Context& c, const Tensor& h) { return run(c, h, i, next); };
    if (cx.tape && cx.on_gradients) cx.tape->mark([&told = *cx.on_gradients, i] { told(i); });
    x = cx.recompute > 0 ? recompute(cx, x, part) : part(cx, x);
    if (pass.trace) pass.trace->push_back(x);  // unless several are recomputed at a time
  }
  return x;
}

Tensor Decoder::hidden(Context& cx, const TokenBatch& batch, KvCache* cache,
                       std::vector<Tensor>* trace) const {
  Pass pass{batch, cache, trace};
  Tensor x;
  if (placement_.host) {
    check(!cx.tape, "[decoder] a model on two backends is for inference; nothing can be recorded");
    Context host{.backend = *placement_.host, .on_linear = cx.on_linear};
    x = through_blocks(host, embedded(host, pass), pass, 0, placement_.host_layers);
    x = to_device(cx.backend, x);
  } else {
    x = embedded(cx, pass);
  }
  x = through_blocks(cx, x, pass, placement_.host_layers, spec_.layers);
  for (int64_t s = 0; cache && s < batch.sequences(); ++s) {
    int64_t slot = batch.slots[size_t(s)];
    int64_t fresh = batch.starts[size_t(s) + 1] - batch.starts[size_t(s)];
    cache->set_length(slot, cache->length(slot) + fresh);
  }
  return norm(cx, x, final_norm_weight_, final_norm_bias_, spec_.norm);
}

Tensor Decoder::head_weight(Context& cx) const {
  if (!head_gain_) return head_;
  return norm(cx, head_, to_device(cx.backend, head_gain_), {}, length_norm(spec_.width));
}

Tensor Decoder::logits(Context& cx, const Tensor& hidden) const {
  return linear(cx, hidden, head_weight(cx), head_bias_, spec_.logit_scale);
}

Tensor Decoder::loss(Context& cx, const Tensor& hidden, const Tensor& targets,
                     HeadLossSpec spec) const {
  spec.logit_scale = spec_.logit_scale;
  return head_loss(cx, hidden, head_weight(cx), head_bias_, targets, spec);
}

}  // namespace slm
