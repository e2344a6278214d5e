#include "backend/cpu/isa_kernels.h"
#include "backend/cpu/tile.h"

namespace slm::cpu::SLM_ISA {

const CpuKernels kKernels{
    .name = SLM_ISA_NAME,
    .tile_rows = kTileRows,
    .tile_columns = kTileColumns,
    .panel_slack = kLanes,
    .has_pairs = kHasPairs,
    .dot_rows = 8,
    .query_block = 96,
    .widen = widen,
    .narrow = narrow,
    .accumulate = accumulate,
    .add = add,
    .sum_squares = sum_squares,
    .column_sum = column_sum,
    .adamw = adamw,
    .norm_forward = norm_forward,
    .norm_backward = norm_backward,
    .rope = rope,
    .activation_forward = activation_forward,
    .activation_backward = activation_backward,
    .clip = clip,
    .cross_entropy = cross_entropy,
    .pack_a = pack_a,
    .pack_b = pack_b,
    .tiles = tiles,
    .dots = dots,
    .blocks = kBlockKernels,
    .int8 = kInt8Kernels,
    .int8_columns = kLanes,
    .int8_peak = int8_peak,
    .to_int8 = to_int8,
    .attention_scratch = attention_scratch,
    .attention_forward = attention_forward,
    .attention_decode = attention_decode,
    .attention_merge = attention_merge,
    .attention_backward = attention_backward,
};

}  // namespace slm::cpu::SLM_ISA
