// Comparisons as Markdown and as comma-separated values.
#include "eval/comparison.h"
#include "util/format.h"

namespace slm {
namespace {

std::string title(const ComparisonColumn& column) {
  return column.note().empty() ? column.title : column.title + " (" + column.note() + ")";
}

std::string in_quotes(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == text.npos) return text;
  std::string out = "\"";
  for (char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + '"';
}

// A model's name must not end its cell.
std::string in_cell(const std::string& text) {
  std::string out;
  for (char c : text) out += c == '|' ? "\\|" : c == '\n' ? " " : std::string(1, c);
  return out;
}

}  // namespace

std::string comparison_markdown(const Comparison& comparison) {
  std::string head = "| Model |", rule = "| --- |", body;
  for (const ComparisonColumn& column : comparison.columns) {
    head += " " + in_cell(title(column)) + " |";
    rule += " ---: |";
  }
  for (const ComparisonRow& row : comparison.rows) {
    body += "| " + in_cell(row.model) + " |";
    for (const auto& cell : row.cells)
      body += cell ? format(" {:.2f} |", cell->percent) : std::string(" - |");
    body += row.average ? format(" {:.2f} |\n", *row.average) : std::string(" - |\n");
  }
  return head + " Average |\n" + rule + " ---: |\n" + body;
}

std::string comparison_csv(const Comparison& comparison) {
  std::string out = "model";
  for (const ComparisonColumn& column : comparison.columns)
    out += "," + in_quotes(title(column)) + "," + in_quotes(title(column) + " stderr");
  out += ",average\n";
  for (const ComparisonRow& row : comparison.rows) {
    out += in_quotes(row.model);
    for (const auto& cell : row.cells) {
      out += cell ? format(",{:.2f}", cell->percent) : std::string(",");
      out += cell && cell->standard_error ? format(",{:.2f}", *cell->standard_error)
                                          : std::string(",");
    }
    out += row.average ? format(",{:.2f}\n", *row.average) : std::string(",\n");
  }
  return out;
}

}  // namespace slm
