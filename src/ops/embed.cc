#include "ops/embed.h"

#include "backend/backend.h"
#include "util/error.h"

namespace slm {

Tensor embed(Context& cx, const Tensor& ids, const Tensor& table, float scale, DType dtype) {
  for (int32_t id : ids.span<const int32_t>())
    check(0 <= id && id < table.dim(0), "[embed] token id {} is outside the vocabulary of {}", id,
          table.dim(0));
  EmbedArgs args{ids, table, scale, cx.backend.empty({ids.dim(0), table.dim(1)}, dtype)};
  cx.backend.embed_forward(args);

  if (!cx.recording(table)) return args.y;
  Tensor y = std::exchange(args.y, {});
  cx.tape->record(y, [args, &backend = cx.backend, &tape = *cx.tape](const Tensor& dy) {
    backend.embed_backward(args, {dy, tape.slot(args.table)});
  });
  return y;
}

}  // namespace slm
