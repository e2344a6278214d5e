// Comma-separated values as RFC 4180 has them: quoted fields may hold commas, quotes and line
// breaks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slm {

struct CsvRow {
  std::vector<std::string> fields;
  int64_t line = 1;  // where it begins
};

// Blank lines are passed over. Errors begin "<origin>:<line>: ".
std::vector<CsvRow> parse_csv(std::string_view text, const std::string& origin);

}  // namespace slm
