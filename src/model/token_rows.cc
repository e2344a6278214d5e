#include "model/token_rows.h"

#include <cstring>
#include <limits>

#include "util/error.h"

namespace slm {
namespace {

template <class T>
int32_t id_at(const Tensor& ids, int64_t i) {
  T value;
  std::memcpy(&value, ids.bytes_data() + i * int64_t(sizeof(T)), sizeof(T));
  check_data(
      value >= std::numeric_limits<int32_t>::min() && value <= std::numeric_limits<int32_t>::max(),
      "[ids] {} is not a token id", value);
  return int32_t(value);
}

}  // namespace

TokenRows token_rows(const Tensor& ids) {
  bool wide = ids.dtype() == DType::kI64;
  check_data(ids.shape().rank() == 2 && (wide || ids.dtype() == DType::kI32),
             "[ids] expected [rows, tokens] of i64 or i32, found {} {}", ids.shape().to_string(),
             traits(ids.dtype()).name);
  TokenRows rows(size_t(ids.dim(0)), std::vector<int32_t>(size_t(ids.dim(1))));
  int64_t at = 0;
  for (auto& row : rows)
    for (int32_t& id : row) id = wide ? id_at<int64_t>(ids, at++) : id_at<int32_t>(ids, at++);
  return rows;
}

Tensor next_token_targets(const TokenRows& labels) {
  std::vector<int32_t> targets;
  for (const auto& row : labels)
    for (size_t t = 0; t < row.size(); ++t)
      targets.push_back(t + 1 < row.size() && row[t + 1] >= 0 ? row[t + 1] : -1);
  return Tensor::of(targets, {int64_t(targets.size())});
}

}  // namespace slm
