// The kernels of one instruction set, as the table lists them. Contracts: kernels.h.
#pragma once

#include "backend/cpu/kernels.h"

namespace slm::cpu::SLM_ISA {

void widen(Format from, const void* in, float scale, float* out, int64_t n);
void narrow(Format to, const float* in, void* out, int64_t n);
void accumulate(float alpha, const float* x, Output out, int64_t n);
void add(float alpha, const float* a, const float* b, float* y, int64_t n);
double sum_squares(const float* x, int64_t n);
void column_sum(const float* x, int64_t rows, int64_t stride, Output out, int64_t n);
void adamw(const AdamWStep& a, int64_t begin, int64_t end);
void norm_forward(const NormRows& a, int64_t begin, int64_t end);
void norm_backward(const NormBackRows& a, float* dw, float* db, int64_t begin, int64_t end);
void rope(const RopeRows& a, int64_t begin, int64_t end);
void activation_forward(Activation kind, const float* x, const float* up, float* y, int64_t n);
void activation_backward(Activation kind, const float* x, const float* up, const float* dy,
                         Output dx, Output dup, int64_t n);
void clip(const float* x, const float* dy, float limit, Output y, int64_t n);
void cross_entropy(const CrossEntropyRows& a, int64_t begin, int64_t end);
void pack_a(const PackJob& a, int64_t panel_begin, int64_t panel_end);
void pack_b(const PackJob& a, int64_t panel_begin, int64_t panel_end);
void tiles(const TileJob& a, int64_t row_panel_begin, int64_t row_panel_end,
           int64_t column_panel_begin, int64_t column_panel_end);
void dots(const DotJob& a, int64_t column_begin, int64_t column_end);
extern const BlockKernels kBlockKernels[kBlockFormats];
extern const Int8Kernels kInt8Kernels[kBlockFormats];
double int8_peak(int64_t rounds);
void to_int8(const float* x, const Int8Rows& to, int64_t row_begin, int64_t row_end);
int64_t attention_scratch(const AttentionHead& a, AttentionPass pass);
void attention_forward(const AttentionHead& a, int64_t begin, int64_t end);
void attention_decode(const AttentionHead& a, const DecodeShare& share);
void attention_merge(const AttentionHead& a, const DecodeSums& s, int64_t begin, int64_t end);
void attention_backward(const AttentionHeadBack& a);

}  // namespace slm::cpu::SLM_ISA
