// A report as one HTML page.
#include <algorithm>

#include "train/report/page_parts.h"
#include "train/report/report.h"
#include "util/html.h"
#include "util/progress.h"

namespace slm {
namespace {

constexpr size_t kMostEvents = 200;

// JSON that no HTML parser takes for the end of a script.
std::string script_json(const Json& json) {
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace), out;
  for (char c : text) out += c == '<' ? "\\u003c" : std::string(1, c);
  return out;
}

std::string controls(std::span<const RunHistory> runs) {
  std::string out =
      "<div class=\"bar\"><span class=\"group\" role=\"group\" aria-label=\"horizontal axis\">"
      "<button data-axis=\"step\" aria-pressed=\"true\">steps</button>"
      "<button data-axis=\"tokens\" aria-pressed=\"false\">tokens</button>"
      "<button data-axis=\"seconds\" aria-pressed=\"false\">time</button></span>"
      "<span class=\"group\"><button id=\"log\" aria-pressed=\"false\">log scale</button></span>"
      "<label>smoothing <input id=\"smooth\" type=\"range\" min=\"0\" max=\"100\" value=\"60\">"
      "</label></div>\n<div class=\"legend\">";
  for (size_t r = 0; r < runs.size(); ++r)
    out += format(
        "<button data-run=\"{}\" aria-pressed=\"true\"><i style=\"background:var(--c{})\"></i>"
        "{}</button>",
        r, r % kReportColours, html_escaped(runs[r].name));
  return out + "</div>\n";
}

std::string chart_cards() {
  std::string out = "<div class=\"charts\">\n";
  for (const ReportChart& c : report_charts()) {
    out += format("<div class=\"card{}\"><h2>{}</h2><div class=\"chart\" data-chart=\"{}\"></div>",
                  c.wide ? " wide" : "", c.title, c.id);
    if (!c.note.empty()) out += format("<p class=\"key\">{}</p>", c.note);
    out += "</div>\n";
  }
  return out + "</div>\n";
}

std::string number_or_dash(bool has, std::string text) { return has ? text : "–"; }

std::string run_row(const RunHistory& run, size_t r) {
  RunSummary s = summarize(run);
  std::vector<std::string> cells{
      number_or_dash(run.fact("layers") > 0,
                     format("{:.0f} × {:.0f}", run.fact("layers"), run.fact("width"))),
      number_or_dash(run.fact("parameters") > 0, format_count(run.fact("parameters"))),
      format("{:.0f}", s.steps),
      format_count(s.tokens),
      number_or_dash(s.has_loss, format("{:.4f}", s.final_loss)),
      number_or_dash(s.has_valid, format("{:.4f}", s.final_valid)),
      number_or_dash(s.has_valid, format("{:.4f} at {:.0f}", s.best_valid, s.best_step)),
      number_or_dash(s.has_test, format("{:.4f}", s.test)),
      format_count(s.tokens_per_second),
      number_or_dash(s.share > 0, format("{:.1f}%", 100 * s.share)),
      number_or_dash(run.memory_bytes > 0, format_bytes(run.memory_bytes)),
      format("{:.2f}", s.seconds / 3600)};
  std::string out = format("<tr><td><i style=\"background:var(--c{})\"></i>{}</td>",
                           r % kReportColours, html_escaped(run.name));
  for (const std::string& cell : cells) out += format("<td>{}</td>", cell);
  return out + "</tr>\n";
}

std::string runs_table(std::span<const RunHistory> runs) {
  std::string out =
      "<section class=\"card\"><h2>Runs</h2><div class=\"scroll\"><table><thead><tr><th>run</th>";
  for (std::string_view head :
       {"layers × width", "parameters", "steps", "tokens", "loss", "validation", "best", "test",
        "tokens/s", "of peak", "memory", "hours"})
    out += format("<th>{}</th>", head);
  out += "</tr></thead><tbody>\n";
  for (size_t r = 0; r < runs.size(); ++r) out += run_row(runs[r], r);
  return out + "</tbody></table></div></section>\n";
}

std::string differences_table(std::span<const RunHistory> runs) {
  auto rows = config_differences(runs);
  if (rows.empty()) return {};
  std::string out =
      "<section class=\"card\"><h2>Where the configurations differ</h2><div class=\"scroll\">"
      "<table><thead><tr><th>key</th>";
  for (const RunHistory& run : runs) out += format("<th>{}</th>", html_escaped(run.name));
  out += "</tr></thead><tbody>\n";
  for (const auto& row : rows) {
    out += format("<tr><td>{}</td>", html_escaped(row.key));
    for (const std::string& v : row.values)
      out += format("<td class=\"long\">{}</td>", v.empty() ? "–" : html_escaped(v));
    out += "</tr>\n";
  }
  return out + "</tbody></table></div></section>\n";
}

std::string event_list(std::span<const RunHistory> runs) {
  std::string items;
  size_t count = 0;
  for (const RunHistory& run : runs) {
    for (const RunEvent& e : run.events) {
      if (e.kind == "save" || ++count > kMostEvents) continue;
      items += format("<li{}>{}, step {:.0f}: {}</li>\n", e.kind == "fault" ? " class=\"bad\"" : "",
                      html_escaped(run.name), e.at.step, html_escaped(e.text));
    }
    if (run.skipped_lines > 0)
      items += format("<li class=\"bad\">{}: {} unreadable lines of metrics.jsonl</li>\n",
                      html_escaped(run.name), run.skipped_lines);
  }
  if (count > kMostEvents) items += format("<li>and {} more</li>\n", count - kMostEvents);
  if (items.empty()) return {};
  return "<section class=\"card\"><h2>Faults and notes</h2><ul>\n" + items + "</ul></section>\n";
}

std::string title_of(std::span<const RunHistory> runs) {
  return runs.size() == 1 ? runs[0].name : format("{} runs", runs.size());
}

std::string subtitle_of(std::span<const RunHistory> runs) {
  std::string machine;
  for (const RunHistory& run : runs)
    if (auto found = run.facts.find("machine"); found != run.facts.end() && found->is_string())
      machine = found->get<std::string>();
  double tokens = 0;
  for (const RunHistory& run : runs) tokens += run.last.tokens;
  return format("{} tokens trained on{}{}", format_count(tokens), machine.empty() ? "" : "; ",
                machine);
}

}  // namespace

std::string report_page(std::span<const RunHistory> runs, int refresh_seconds) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n";
  if (refresh_seconds > 0)
    out += format("<meta http-equiv=\"refresh\" content=\"{}\">\n", refresh_seconds);
  out += format("<title>{}</title>\n<style>{}</style></head><body>\n", html_escaped(title_of(runs)),
                kPageStyle);
  out += format("<h1>{}</h1>\n<p class=\"sub\">{}</p>\n", html_escaped(title_of(runs)),
                html_escaped(subtitle_of(runs)));
  out += controls(runs) + chart_cards() + runs_table(runs) + differences_table(runs) +
         event_list(runs);
  out +=
      "<footer>Made by <code>stablelm report</code>. MFU: 6 (N − N<sub>e</sub>) + 12 L h S "
      "operations per token over the f32 rate of a large product measured on the same machine."
      "</footer>\n";
  out += "<script id=\"data\" type=\"application/json\">" + script_json(page_data(runs)) +
         "</script>\n";
  out += format("<script>{}{}</script>\n</body></html>\n", kPageScript, kPageCharts);
  return out;
}

}  // namespace slm
