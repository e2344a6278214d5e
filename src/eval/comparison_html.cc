// Comparisons as a page: the table, and a bar chart per column with error bars, drawn as SVG here
// so that the page needs no script and no network.
#include <algorithm>
#include <cmath>

#include "eval/comparison.h"
#include "util/format.h"
#include "util/html.h"

namespace slm {
namespace {

constexpr const char* kHead =
    R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Model comparison</title>
<style>
:root { color-scheme: light dark; --ink: #1c2430; --soft: #667085; --line: #d9dee6; --bar: #3b6fb6;
  --paper: #ffffff; --best: #1b7f4d; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #98a2b3; --line: #344054;
  --bar: #6fa0e0; --paper: #12161d; --best: #5fc991; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1rem; margin: 0 0 .3rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: right;
  white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
td small { color: var(--soft); } td.best { font-weight: 700; color: var(--best); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(30rem, 1fr)); gap: 1.5rem;
  margin-top: 1.5rem; }
svg { width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
svg .soft { fill: var(--soft); } .bar { fill: var(--bar); } .grid { stroke: var(--line); }
.error { stroke: var(--ink); stroke-width: 1.3; }
p { color: var(--soft); max-width: 50rem; }
</style>
</head>
<body>
<h1>Model comparison</h1>
)";

using Cells = std::vector<std::optional<ComparisonCell>>;

Cells column_cells(const Comparison& comparison, size_t c) {
  Cells out;
  for (const ComparisonRow& row : comparison.rows) out.push_back(row.cells[c]);
  return out;
}

double best_of(const Cells& cells) {
  double best = -1;
  for (const auto& cell : cells)
    if (cell) best = std::max(best, cell->percent);
  return best;
}

std::string table(const Comparison& comparison) {
  std::string out = "<div class=\"scroll\"><table>\n<thead><tr><th>Model</th>";
  for (const ComparisonColumn& column : comparison.columns)
    out += format(
        "<th>{}{}</th>", html_escaped(column.title),
        column.note().empty() ? "" : "<br><small>" + html_escaped(column.note()) + "</small>");
  out += "<th>Average</th></tr></thead>\n<tbody>\n";
  for (const ComparisonRow& row : comparison.rows) {
    out += "<tr><td>" + html_escaped(row.model) + "</td>";
    for (size_t c = 0; c < row.cells.size(); ++c) {
      const auto& cell = row.cells[c];
      if (!cell) {
        out += "<td>-</td>";
        continue;
      }
      bool best =
          comparison.rows.size() > 1 && cell->percent == best_of(column_cells(comparison, c));
      std::string error =
          cell->standard_error ? format(" <small>±{:.2f}</small>", *cell->standard_error) : "";
      out += format("<td{}>{:.2f}{}</td>", best ? " class=\"best\"" : "", cell->percent, error);
    }
    out += format("<td>{}</td></tr>\n", row.average ? format("{:.2f}", *row.average) : "-");
  }
  return out + "</tbody></table></div>\n";
}

// One horizontal bar per model on a scale of 0 to 100.
class Chart {
 public:
  explicit Chart(size_t rows) : height_(kRow * double(rows) + 24) {
    out_ = format("<svg viewBox=\"0 0 {} {}\" role=\"img\">\n", kWidth, height_);
    for (int tick = 0; tick <= 100; tick += 20)
      out_ += format(
          "<line class=\"grid\" x1=\"{0}\" y1=\"0\" x2=\"{0}\" y2=\"{1}\"/><text class=\"soft\" "
          "x=\"{0}\" y=\"{2}\" text-anchor=\"middle\">{3}</text>\n",
          x(tick), height_ - 20, height_ - 5, tick);
  }

  void bar(const std::string& model, const std::optional<ComparisonCell>& cell) {
    const double middle = y_ + kRow / 2;
    std::string shown = model.size() > 30 ? "…" + tail(model, 29) : model;
    out_ += format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n", kLeft - 8, middle + 4,
                   html_escaped(shown));
    if (cell) {
      out_ += format(
          "<rect class=\"bar\" x=\"{}\" y=\"{}\" width=\"{:.2f}\" height=\"{}\"><title>{}: "
          "{:.2f}</title></rect>\n",
          kLeft, y_ + 4, x(cell->percent) - kLeft, kRow - 8, html_escaped(model), cell->percent);
      error_bar(*cell, middle);
    }
    out_ += format("<text x=\"{}\" y=\"{}\">{}</text>\n", kRight + 10, middle + 4,
                   cell ? format("{:.2f}", cell->percent) : "no result");
    y_ += kRow;
  }
  std::string take() { return out_ + "</svg>\n"; }

 private:
  static constexpr double kWidth = 560, kLeft = 210, kRight = 480, kRow = 24;

  static double x(double percent) {
    return kLeft + std::clamp(percent, 0.0, 100.0) / 100 * (kRight - kLeft);
  }
  // Whole characters only.
  static std::string tail(const std::string& text, size_t bytes) {
    size_t at = text.size() - bytes;
    while (at < text.size() && (text[at] & 0xC0) == 0x80) ++at;
    return text.substr(at);
  }
  void error_bar(const ComparisonCell& cell, double middle) {
    if (!cell.standard_error) return;
    const double half = 1.96 * *cell.standard_error;
    const double low = x(cell.percent - half), high = x(cell.percent + half);
    out_ += format(
        "<path class=\"error\" d=\"M{0:.2f} {2}V{3}M{0:.2f} {4}H{1:.2f}M{1:.2f} {2}V{3}\"/>\n", low,
        high, middle - 4, middle + 4, middle);
  }

  double height_, y_ = 0;
  std::string out_;
};

std::string chart(const Comparison& comparison, size_t c) {
  const ComparisonColumn& column = comparison.columns[c];
  Chart bars(comparison.rows.size());
  for (const ComparisonRow& row : comparison.rows) bars.bar(row.model, row.cells[c]);
  return format("<section><h2>{} <small>{}:{}</small></h2>\n{}</section>\n",
                html_escaped(column.title), html_escaped(column.task), html_escaped(column.metric),
                bars.take());
}

std::string average_chart(const Comparison& comparison) {
  Chart bars(comparison.rows.size());
  for (const ComparisonRow& row : comparison.rows)
    bars.bar(row.model,
             row.average ? std::optional(ComparisonCell{.percent = *row.average}) : std::nullopt);
  return "<section><h2>Average</h2>\n" + bars.take() + "</section>\n";
}

}  // namespace

std::string comparison_html(const Comparison& comparison) {
  std::string out =
      kHead + table(comparison) + "<div class=\"charts\">\n" + average_chart(comparison);
  for (size_t c = 0; c < comparison.columns.size(); ++c) out += chart(comparison, c);
  return out +
         "</div>\n<p>Figures are percentages. ± is one standard error; the bars' marks span 95% "
         "(1.96 standard errors). The average is the plain mean of the unrounded figures of a "
         "row.</p>\n</body>\n</html>\n";
}

}  // namespace slm
