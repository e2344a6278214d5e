#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/each.cuh"
#include "backend/cuda/random.cuh"
#include "backend/dropout_factors.h"

namespace slm::cuda {
namespace {

// Each item: four numbers of a row, decided over by the four words of a block of the generator.
struct Dropout {
  Floats x;
  FloatSlot y;
  int64_t columns, blocks;  // blocks: of a row
  uint64_t seed, stream, first_row;
  bool any;  // is any dropped?
  uint32_t last;
  float factor;

  __device__ void operator()(int64_t item) const {
    int64_t row = item / blocks, block = item % blocks;
    int64_t at = row * columns + 4 * block, end = min(at + 4, (row + 1) * columns);
    RandomBlock words = random_block(
        seed, stream, (first_row + uint64_t(row)) * uint64_t(blocks) + uint64_t(block));
    float values[8];
    load8(x, at, end, values);
#pragma unroll
    for (int j = 0; j < 4; ++j) values[j] = any && words.word[j] <= last ? 0 : values[j] * factor;
    store8(y, at, end, values);
  }
};

}  // namespace

void CudaBackend::dropout(const DropoutArgs& a) {
  int64_t columns = a.x.dim(-1), blocks = (columns + 3) / 4;
  if (columns == 0) return;
  each_item(context_, a.x.elements() / columns * blocks,
            Dropout{.x = floats(a.x),
                    .y = floats(a.y),
                    .columns = columns,
                    .blocks = blocks,
                    .seed = a.seed,
                    .stream = a.stream,
                    .first_row = uint64_t(a.first_row),
                    .any = a.rate > 0,
                    .last = a.rate > 0 ? last_dropped(a.rate) : 0,
                    .factor = float(1 / (1 - a.rate))});
}

}  // namespace slm::cuda
