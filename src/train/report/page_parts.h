// The parts of a report page.
#pragma once

#include <span>
#include <string_view>

#include "train/report/run_history.h"

namespace slm {

struct ReportChart {
  std::string_view id, title, format, note;  // format: a way of writing values, of the script
  bool wide;                                 // over both columns
  bool can_log, zero;                        // may be logarithmic; begins at zero when it is not
  bool spiky;                                // the highest of many points may leave the picture
  bool marks;                                // shows checkpoints and faults
};
std::span<const ReportChart> report_charts();

inline constexpr int kReportColours = 8;  // --c0 to --c7 of the style

// All that the script draws, curves thinned.
Json page_data(std::span<const RunHistory> runs);

extern const std::string_view kPageStyle;   // CSS
extern const std::string_view kPageCharts;  // JavaScript: how a chart is drawn
extern const std::string_view kPageScript;  // JavaScript: what is drawn, and what controls do

}  // namespace slm
