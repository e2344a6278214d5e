// Reports for other programs: CSV and JSON.
#include "train/report/report.h"

namespace slm {
namespace {

// Fields that a spreadsheet could take for a formula or for several fields are quoted, as RFC 4180
// says, and a formula is kept from being one.
std::string csv_field(const std::string& text) {
  std::string out = "\"";
  if (!text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos)
    out += '\'';
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string moment_text(const RunMoment& at) {
  return format("{:.0f},{:.0f},{:.3f}", at.step, at.tokens, at.seconds);
}

// The value at a step, if it was logged then. Steps are asked for in ascending order.
class ValueAt {
 public:
  explicit ValueAt(const RunCurve& curve) : curve_(curve) {}
  std::string operator()(double step) {
    while (next_ < curve_.at.size() && curve_.at[next_].step < step) ++next_;
    bool there = next_ < curve_.at.size() && curve_.at[next_].step == step;
    return there ? format("{:.9g}", curve_.value[next_]) : "";
  }

 private:
  const RunCurve& curve_;
  size_t next_ = 0;
};

Json curve_json(const RunCurve& curve) {
  Json steps = Json::array(), tokens = Json::array(), seconds = Json::array();
  for (const RunMoment& at : curve.at) {
    steps.push_back(int64_t(at.step));
    tokens.push_back(int64_t(at.tokens));
    seconds.push_back(at.seconds);
  }
  return {{"step", steps}, {"tokens", tokens}, {"seconds", seconds}, {"value", curve.value}};
}

Json summary_json(const RunSummary& s) {
  Json out{{"steps", s.steps}, {"tokens", s.tokens}, {"seconds", s.seconds}};
  auto add = [&](const char* key, bool has, double value) {
    if (has) out[key] = value;
  };
  add("final_loss", s.has_loss, s.final_loss);
  add("best_valid", s.has_valid, s.best_valid);
  add("best_valid_step", s.has_valid, s.best_step);
  add("final_valid", s.has_valid, s.final_valid);
  add("test", s.has_test, s.test);
  add("tokens_per_second", s.tokens_per_second > 0, s.tokens_per_second);
  add("mfu", s.share > 0, s.share);
  return out;
}

}  // namespace

std::string report_csv(std::span<const RunHistory> runs) {
  std::string out = "run,kind,step,tokens,seconds,loss,lr,grad_norm,tokens_per_second,mfu\n";
  for (const RunHistory& run : runs) {
    std::string name = csv_field(run.name);
    ValueAt loss(run.loss), norm(run.grad_norm), speed(run.speed), share(run.share);
    for (size_t i = 0; i < run.lr.at.size(); ++i) {
      const RunMoment& at = run.lr.at[i];
      std::string before = format("{},step,{},{},", name, moment_text(at), loss(at.step));
      out += format("{}{:.9g},{},{},{}\n", before, run.lr.value[i], norm(at.step), speed(at.step),
                    share(at.step));
    }
    for (const auto& [kind, curve] : {std::pair("valid", &run.valid), std::pair("test", &run.test)})
      for (size_t i = 0; i < curve->at.size(); ++i)
        out +=
            format("{},{},{},{:.9g},,,,\n", name, kind, moment_text(curve->at[i]), curve->value[i]);
  }
  return out;
}

Json report_json(std::span<const RunHistory> runs) {
  Json out = Json::array();
  for (const RunHistory& run : runs) {
    Json epochs = Json::object(), events = Json::array();
    for (const auto& [source, curve] : run.epochs) epochs[source] = curve_json(curve);
    for (const RunEvent& e : run.events)
      events.push_back({{"kind", e.kind}, {"step", int64_t(e.at.step)}, {"text", e.text}});
    out.push_back({{"name", run.name},
                   {"facts", run.facts},
                   {"summary", summary_json(summarize(run))},
                   {"loss", curve_json(run.loss)},
                   {"valid", curve_json(run.valid)},
                   {"test", curve_json(run.test)},
                   {"lr", curve_json(run.lr)},
                   {"grad_norm", curve_json(run.grad_norm)},
                   {"tokens_per_second", curve_json(run.speed)},
                   {"mfu", curve_json(run.share)},
                   {"epochs", epochs},
                   {"events", events}});
  }
  return out;
}

}  // namespace slm
