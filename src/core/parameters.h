// The weights of a model by canonical name, in layer order. For training they lie flat: one value
// buffer in the working type and one f32 gradient buffer, so that clipping, the optimiser, sharding
// and checkpoints work on spans.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/tape.h"

namespace slm {

// What a parameter is for: decides how it is initialised and whether it decays.
enum class ParameterRole : uint8_t {
  kEmbedding,  // token and position tables
  kInput,      // matrices that read the residual stream: q, k, v, gate, up
  kOutput,     // matrices that write it: attention out, MLP down
  kHead,       // the untied output matrix
  kNormWeight,
  kBias,  // of linears and norms
};

struct ParameterSpec {
  std::string name;  // canonical: "blocks.3.attn.q.weight"
  Shape shape;
  ParameterRole role;
};

// Gives parameter i of a list of specs, in whatever floating type, whenever asked: for models that
// are not in memory as a whole.
using ParameterReader = std::function<Tensor(size_t parameter)>;

struct Parameter {
  ParameterSpec spec;
  Tensor value;
  Tensor grad;  // absent unless trainable
};

// Numbers [begin, end) of the flat buffers.
struct FlatSpan {
  int64_t begin = 0, end = 0;
  int64_t size() const { return end - begin; }
  friend bool operator==(const FlatSpan&, const FlatSpan&) = default;
};

class Parameters {
 public:
  void add(ParameterSpec spec, Tensor value);  // error when the name exists or the shape differs

  // Moves every value to the device of `memory`, one at a time, and those added later too; but for
  // those that `stays` names. Old handles keep the old memory. `memory` must outlive this.
  using Stays = std::function<bool(const ParameterSpec&)>;  // empty: none
  void place(Allocator& memory, Stays stays = {});
  Allocator* memory() const { return memory_; }  // what values lie in; null: the host, wherever

  std::span<const Parameter> items() const { return items_; }
  const Tensor& at(std::string_view name) const;  // error when absent
  Tensor find(std::string_view name) const;       // absent tensor when absent
  int64_t count() const;                          // numbers held
  int64_t bytes() const;

  // Copies every value, rounded to the working type (f32, bf16 or f16), into one buffer and makes a
  // zeroed f32 gradient buffer beside it. Old handles to values are stale after this: build the
  // Decoder from the parameters afterwards.
  void make_trainable(Allocator& memory, DType working = DType::kF32);
  bool trainable() const { return bool(values_); }
  const Tensor& values() const { return values_; }  // [count] of the working type, layer order
  const Tensor& grads() const { return grads_; }    // [count] f32
  void bind(Tape& tape) const;                      // every trainable parameter
  // The same, with gradients going to another flat buffer like grads().
  void bind(Tape& tape, const Tensor& grads) const;

 private:
  Tensor placed(const ParameterSpec& spec, const Tensor& value) const;

  std::vector<Parameter> items_;
  std::unordered_map<std::string, size_t> index_;
  Allocator* memory_ = nullptr;
  Stays stays_;
  Tensor values_, grads_;
};

}  // namespace slm
