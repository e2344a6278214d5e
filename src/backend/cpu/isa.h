// Which instruction set's kernels run.
#pragma once

#include <string_view>
#include <vector>

#include "backend/cpu/kernels.h"

namespace slm::cpu {

// What this processor can run, best first. "portable" is always the last.
std::vector<std::string_view> available_isas();

// `wanted`, else $STABLELM_CPU_ISA, else the best available. Error for what the processor lacks.
const CpuKernels& choose_kernels(std::string_view wanted);

}  // namespace slm::cpu
