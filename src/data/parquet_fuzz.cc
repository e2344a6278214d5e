// Any bytes as a Parquet file: refused with an Error, or rows that are as many as it claims.
#include <cstdlib>

#include "data/parquet/rows.h"
#include "util/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    slm::ParquetRows rows(std::as_bytes(std::span(data, size)), "input");
    constexpr int64_t kEnough = 10000;  // runs of nulls make many rows of few bytes
    std::string row;
    int64_t count = 0;
    while (count < kEnough && rows.next(row)) ++count;
    if (count < kEnough && count != rows.rows()) std::abort();
  } catch (const slm::Error&) {
  }
  return 0;
}
