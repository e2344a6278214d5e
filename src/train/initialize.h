// Initial values of a model's parameters.
#pragma once

#include <string_view>

#include "core/parameters.h"
#include "model/model_part.h"
#include "train/run_config.h"
#include "util/thread_pool.h"

namespace slm {

// Matrices that write the residual stream use init.output_method, all others init.method; norm
// weights are 1, biases 0. Zero-mean normal unless named otherwise, with h the width, L the layers:
//   normal: std   scaled_normal: std / sqrt(2 L)   single_residual_scaled_normal: std / sqrt(L)
//   small_init: sqrt(2 / (5 h))   wang_init: 2 / (L sqrt(h))
//   xavier_normal: sqrt(2 / (in + out))   xavier_uniform: uniform in +-sqrt(6 / (in + out))
//   orthogonal, scaled_orthogonal: orthonormal rows or columns times sqrt(2), sqrt(2 / L)
// Each tensor has a generator of its own, seeded by its name: values do not depend on the order or
// number of tensors. Returns the parameters on the host, in layer order.
Parameters initial_parameters(const DecoderSpec& spec, const RunConfig::Init& init, uint64_t seed);
// Of a part of the decoder: the numbers the whole one has there. One whole tensor is in memory at a
// time.
Parameters initial_parameters(const ModelPart& mine, const RunConfig::Init& init, uint64_t seed);

// One of them, rounded to a floating or block type: the same numbers for any number of threads.
Tensor initial_value(const ParameterSpec& parameter, const DecoderSpec& spec,
                     const RunConfig::Init& init, uint64_t seed, DType dtype, ThreadPool& pool);

void check_init_method(std::string_view name);  // error for a name that is none of these

}  // namespace slm
