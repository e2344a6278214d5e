// What the curves of a report page are drawn from, as JSON.
#include "train/report/page_parts.h"

namespace slm {
namespace {

constexpr size_t kMostPoints = 2000;  // of a curve on a page: more than there are pixels
constexpr size_t kMostMarks = 300;

// Six digits are more than a screen shows.
double shortened(double v) { return std::strtod(format("{:.6g}", v).c_str(), nullptr); }

enum class Line { kPlain, kSmooth, kDots };

Json line_json(const RunCurve& curve, size_t run, size_t colour, std::string_view name, Line kind) {
  RunCurve few = thinned(curve, kMostPoints);
  Json step = Json::array(), tokens = Json::array(), seconds = Json::array(), value = Json::array();
  for (size_t i = 0; i < few.value.size(); ++i) {
    step.push_back(int64_t(few.at[i].step));
    tokens.push_back(int64_t(few.at[i].tokens));
    seconds.push_back(shortened(few.at[i].seconds));
    value.push_back(shortened(few.value[i]));
  }
  return {{"name", name},
          {"run", run},
          {"colour", colour % kReportColours},
          {"step", step},
          {"tokens", tokens},
          {"seconds", seconds},
          {"value", value},
          {"smooth", kind == Line::kSmooth},
          {"dots", kind == Line::kDots}};
}

constexpr ReportChart kCharts[] = {
    {"loss", "Loss", "loss", "Dashed: validation. Triangles: checkpoints; red: faults.", true, true,
     false, true, true},
    {"lr", "Learning rate", "lr", "", false, true, true, false, false},
    {"norm", "Gradient norm", "norm", "", false, true, true, true, false},
    {"speed", "Tokens per second", "count", "", false, false, true, false, false},
    {"share", "Share of the measured peak (MFU)", "percent", "", false, false, true, false, false},
    {"epochs", "Epochs by source", "epochs", "", true, false, true, false, false},
};

Json lines_of(const ReportChart& chart, std::span<const RunHistory> runs) {
  Json lines = Json::array();
  size_t colour = 0;
  for (size_t r = 0; r < runs.size(); ++r) {
    const RunHistory& run = runs[r];
    auto add = [&](const RunCurve& curve, Line kind, const std::string& suffix = "") {
      lines.push_back(line_json(curve, r, r, run.name + suffix, kind));
    };
    if (chart.id == "loss") {
      add(run.loss, Line::kSmooth);
      add(run.valid, Line::kDots, ", validation");
    }
    if (chart.id == "lr") add(run.lr, Line::kPlain);
    if (chart.id == "norm") add(run.grad_norm, Line::kSmooth);
    if (chart.id == "speed") add(run.speed, Line::kSmooth);
    if (chart.id == "share") add(run.share, Line::kSmooth);
    if (chart.id != "epochs") continue;
    for (const auto& [source, curve] : run.epochs) {  // by source: runs may share them
      std::string name = runs.size() > 1 ? run.name + ": " + source : source;
      size_t shade = runs.size() > 1 ? r : colour++;
      lines.push_back(line_json(curve, r, shade, name, Line::kPlain));
      if (r == 0) lines.back()["label"] = source.substr(source.rfind('/') + 1);
    }
  }
  return lines;
}

Json marks_of(const RunHistory& run) {
  std::vector<const RunEvent*> shown;
  for (const RunEvent& e : run.events)
    if (e.kind != "note") shown.push_back(&e);
  size_t every = (shown.size() + kMostMarks - 1) / kMostMarks;
  Json marks = Json::array();
  for (size_t i = 0; i < shown.size(); ++i) {
    const RunEvent& e = *shown[i];
    if (e.kind == "save" && i % every != 0) continue;
    if (marks.size() >= 2 * kMostMarks) break;
    marks.push_back({{"kind", e.kind == "save" ? "checkpoint" : e.kind},
                     {"step", int64_t(e.at.step)},
                     {"tokens", int64_t(e.at.tokens)},
                     {"seconds", shortened(e.at.seconds)},
                     {"text", e.text}});
  }
  return marks;
}

}  // namespace

std::span<const ReportChart> report_charts() { return kCharts; }

Json page_data(std::span<const RunHistory> runs) {
  Json data{{"runs", Json::array()}, {"charts", Json::object()}};
  for (size_t r = 0; r < runs.size(); ++r)
    data["runs"].push_back({{"colour", r % kReportColours}, {"marks", marks_of(runs[r])}});
  for (const ReportChart& chart : kCharts)
    data["charts"][std::string(chart.id)] = {
        {"title", chart.title}, {"format", chart.format},
        {"wide", chart.wide},   {"canLog", chart.can_log},
        {"zero", chart.zero},   {"spiky", chart.spiky},
        {"marks", chart.marks}, {"lines", lines_of(chart, runs)}};
  return data;
}

}  // namespace slm
