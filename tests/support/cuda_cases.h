// The CUDA backend as tests get it: in a build with CUDA on this machine's GPU, if there is one;
// else with its kernels run on the host (cuda_on_host/block.h).
#pragma once

#include <vector>

#include "support/op_test.h"

namespace slm::testing {

std::vector<OpCase> cuda_cases();  // one or none, in f32

}  // namespace slm::testing
