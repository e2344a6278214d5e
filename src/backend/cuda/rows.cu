#include <vector>

#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/each.cuh"
#include "backend/cuda/quant.cuh"

namespace slm::cuda {
namespace {

constexpr int64_t kMostRows = 65535;  // of a launch; then its blocks take several

__global__ void copy_rows_kernel(Floats from, Floats to, int64_t columns, const RowMove* moves,
                                 int64_t count) {
  for (int64_t m = blockIdx.y; m < count; m += gridDim.y) {
    int64_t source = moves[m].from * columns, target = moves[m].to * columns;
    for (int64_t i = 8 * first_item(); i < columns; i += 8 * item_stride()) {
      float values[8];
      load8(from, source + i, source + columns, values);
      store8(to, target + i, target + columns, values);
    }
  }
}

}  // namespace

// One launch for all runs into floats, or into blocks the device encodes; what else there is goes
// run by run.
void CudaBackend::copy_rows(const Tensor& from, const Tensor& to, std::span<const RowRun> runs) {
  bool apart = from.device() != Device::kCuda || to.device() != Device::kCuda;
  bool known = !from.quantized() && (!to.quantized() || encodes(to.dtype()));
  if (runs.size() <= 1 || apart || !known) return Backend::copy_rows(from, to, runs);
  std::vector<RowMove> moves;
  for (const RowRun& run : runs)
    for (int64_t r = 0; r < run.count; ++r) moves.push_back({run.from + r, run.to + r});
  int64_t columns = from.elements() / from.dim(0), count = std::ssize(moves);
  auto on_device = context_.upload(std::span<const RowMove>(moves.data(), moves.size()));
  if (to.quantized()) return encode_rows(context_, from, to, on_device.get(), count);
  int64_t across = ((columns + 7) / 8 + kEachThreads - 1) / kEachThreads;
  launch(copy_rows_kernel, dim3(unsigned(across), unsigned(std::min(count, kMostRows))),
         kEachThreads, 0, context_.stream(), floats(from), floats(to), columns, on_device.get(),
         count);
}

}  // namespace slm::cuda
