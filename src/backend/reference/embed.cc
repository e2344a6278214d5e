#include "backend/reference/numbers.h"
#include "backend/reference/reference.h"

namespace slm {

using namespace reference;

void ReferenceBackend::embed_forward(const EmbedArgs& args) {
  auto ids = args.ids.span<const int32_t>();
  for (size_t t = 0; t < ids.size(); ++t) {
    Numbers row = read_weight(args.table.rows(ids[t], ids[t] + 1));
    for (double& value : row) value *= args.scale;
    write(args.y.rows(int64_t(t), int64_t(t) + 1), row);
  }
}

void ReferenceBackend::embed_backward(const EmbedArgs& args, const EmbedGrads& grads) {
  auto ids = args.ids.span<const int32_t>();
  size_t D = size_t(args.table.dim(1));
  Numbers dy = read(grads.dy), dtable(size_t(args.table.elements()));
  for (size_t t = 0; t < ids.size(); ++t)
    for (size_t d = 0; d < D; ++d) dtable[size_t(ids[t]) * D + d] += args.scale * dy[t * D + d];
  write(grads.dtable, dtable);
}

}  // namespace slm
