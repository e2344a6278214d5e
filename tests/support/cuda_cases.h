// The CUDA backend as tests get it: with its kernels run on the host (cuda_on_host/block.h), or in a
// build without STABLELM_EMULATE_CUDA on this machine's GPU, if there is one.
#pragma once

#include <vector>

#include "support/op_test.h"

namespace slm::testing {

std::vector<OpCase> cuda_cases();  // one or none, in f32

}  // namespace slm::testing
