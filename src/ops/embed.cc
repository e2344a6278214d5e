#include "ops/embed.h"

#include <algorithm>

#include "backend/backend.h"
#include "util/error.h"

namespace slm {
namespace {

// dy with zeros where the token is `id`.
Tensor without(Backend& backend, const Tensor& dy, const Tensor& ids, int64_t id) {
  auto tokens = ids.span<const int32_t>();
  if (std::find(tokens.begin(), tokens.end(), id) == tokens.end()) return dy;
  Tensor kept = backend.empty(dy.shape(), dy.dtype());
  backend.copy(dy, kept);
  for (int64_t t = 0; t < ids.elements(); ++t)
    if (tokens[size_t(t)] == id) backend.zero(kept.rows(t, t + 1));
  return kept;
}

}  // namespace

Tensor embed(Context& cx, const Tensor& ids, const Tensor& table, float scale, DType dtype,
             int64_t padding_id) {
  for (int32_t id : ids.span<const int32_t>())
    check(0 <= id && id < table.dim(0), "[embed] token id {} is outside the vocabulary of {}", id,
          table.dim(0));
  EmbedArgs args{ids, table, scale, cx.backend.empty({ids.dim(0), table.dim(1)}, dtype)};
  cx.backend.embed_forward(args);

  if (!cx.recording(table)) return args.y;
  Tensor y = std::exchange(args.y, {});
  cx.tape->record(y, [args, padding_id, &backend = cx.backend, &tape = *cx.tape](const Tensor& dy) {
    backend.embed_backward(args,
                           {without(backend, dy, args.ids, padding_id), tape.slot(args.table)});
  });
  return y;
}

}  // namespace slm
