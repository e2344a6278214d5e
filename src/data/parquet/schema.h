// The tree of a Parquet file's columns, with the levels that tell nulls and lists.
// Format: Apache Parquet, LogicalTypes.md, "Nested Types"; the levels are those of Dremel.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "data/parquet/column.h"
#include "data/parquet/metadata.h"

namespace slm {

struct ParquetNode {
  enum class Kind : uint8_t { kLeaf, kStruct, kList };

  std::string name;
  Kind kind = Kind::kLeaf;
  bool optional = false;
  int definition = 0;  // the level from which it is not null
  int repetition = 0;  // of a list: the level of a further item; one more definition: any item
  size_t column = 0;   // of a leaf; of others, of the first leaf below
  ParquetMeaning meaning = ParquetMeaning::kPlain;
  bool narrow = false;                // integers of 32 bits
  int64_t scale = 0;                  // of decimals: 10^-scale
  std::vector<ParquetNode> children;  // a list has one: its items
};

struct ParquetSchema {
  std::vector<ParquetNode> fields;
  std::vector<ParquetLeaf> leaves;  // in the order of a row group's chunks
};

ParquetSchema read_parquet_schema(std::span<const ParquetElement> elements,
                                  const std::string& origin);

}  // namespace slm
