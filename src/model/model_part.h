// A decoder cut into parts for processes that compute every block together (tensor parallelism;
// Shoeybi et al., "Megatron-LM", 2019). A part has some of the heads (rows of q, k and v, columns
// of out) and some of the MLP's channels (rows of gate and up, columns of down); embedding, norms
// and head are whole in every part. What attention, or the MLP, makes is the sum over all parts;
// the biases added to that sum are the first part's.
#pragma once

#include <span>
#include <vector>

#include "model/spec.h"

namespace slm {

struct ParameterPart {
  ParameterSpec spec;  // of the part
  Shape whole;         // of the whole decoder's
  bool cut() const { return spec.shape != whole; }
};

class ModelPart {
 public:
  // Error when heads, kv heads or MLP channels do not divide into `parts`.
  explicit ModelPart(const DecoderSpec& whole, int64_t part = 0, int64_t parts = 1);

  const DecoderSpec& whole() const { return whole_; }
  const DecoderSpec& spec() const { return spec_; }                          // of the part
  std::span<const ParameterPart> parameters() const { return parameters_; }  // as parameter_specs
  // Of another part of the same decoder.
  ModelPart other(int64_t part) const { return ModelPart(whole_, part, spec_.parts); }

  // The numbers of parameter i that the part has, out of the whole one; that itself where it is not
  // cut. Not of block formats.
  Tensor take(size_t i, const Tensor& whole) const;
  // The reverse: writes them to where they belong.
  void put(size_t i, const Tensor& part, const Tensor& whole) const;

  // All parameters of the part.
  Parameters take(const Parameters& whole) const;

 private:
  DecoderSpec whole_, spec_;
  std::vector<ParameterPart> parameters_;
};

}  // namespace slm
