// The processes of a run as a grid: those of a row compute every block together, each a part of it
// (tensor parallelism); those of a column hold the same part and share the batch.
#pragma once

#include <memory>

#include "comm/comm.h"
#include "ops/sum_parts.h"

namespace slm {

class ProcessGrid {
 public:
  // `all` must outlive it. Rows are neighbours: ranks 0 to parts - 1 are the first. Error when the
  // processes do not make whole rows.
  ProcessGrid(Comm& all, int64_t parts);

  Comm& all() const { return all_; }
  Comm& column() const { return column_ ? *column_ : all_; }
  Comm* row() const { return row_.get(); }  // null: one part, the whole
  int64_t parts() const { return row_ ? row_->size() : 1; }
  int64_t part() const { return row_ ? row_->rank() : 0; }

  // For the decoder: adds up over the row, in f32 whatever the type. `memory`: where states lie.
  SumParts sum(Allocator& memory) const;

 private:
  Comm& all_;
  std::unique_ptr<Comm> row_, column_;
};

}  // namespace slm
