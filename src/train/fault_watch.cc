#include "train/fault_watch.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "util/error.h"
#include "util/files.h"

namespace slm {
namespace {

constexpr size_t kDocumentsShown = 6;

Json number(double x) {  // JSON has no word for those that are not finite
  return std::isfinite(x) ? Json(x) : Json(format("{}", x));
}

std::string describe(const StepReport& r, const FaultVerdict& verdict) {
  std::string what = format("loss {:.4g}, gradient norm {:.4g}", r.loss, r.grad_norm);
  if (verdict.kind == FaultKind::kNotFinite) return what + ": not finite";
  bool loss = verdict.kind == FaultKind::kLossSpike;
  return format("{}: the {} is {:.1f} standard deviations above its mean", what,
                loss ? "loss" : "norm", verdict.z);
}

std::string advice(const FaultVerdict& verdict) {
  constexpr std::string_view kOften = "A lower learning rate or a longer warm-up often helps";
  if (verdict.too_many) return format("There were more faults than max_faults allows. {}", kOften);
  return format("{}; with {}: skip or rewind the run goes on without this data", kOften,
                verdict.kind == FaultKind::kNotFinite ? "on_nonfinite" : "on_spike");
}

}  // namespace

FaultWatch::FaultWatch(const FaultPolicySpec& spec, std::filesystem::path log,
                       const SampleStream& data)
    : policy_(spec), log_(std::move(log)), data_(data) {}

bool FaultWatch::accept(const StepReport& report, int64_t first, int64_t count) {
  FaultVerdict verdict = policy_.judge(report.loss, report.grad_norm);
  if (verdict.kind == FaultKind::kNone) return true;
  Fault fault{report.step, verdict, first, first + count, {}};
  fault.message = format("{}; {}; its data: {}", describe(report, verdict),
                         fault_action_name(verdict.action), origins(fault));
  record(fault, report);
  if (verdict.action == FaultAction::kStop)
    fail(ErrorKind::kInvalid, "[train] step {}: {}. Checkpoints are from before it. {}",
         report.step, fault.message, advice(verdict));
  last_ = std::move(fault);
  return false;
}

std::optional<Fault> FaultWatch::take() { return std::exchange(last_, std::nullopt); }

// "corpus/a documents 3, 17, 18 and 5 more; corpus/b documents 7"
std::string FaultWatch::origins(const Fault& fault) const {
  std::map<std::string, std::set<int64_t>> documents;
  for (int64_t i = fault.from_sample; i < fault.to_sample; ++i) {
    SampleStream::Origin origin = data_.origin(i % data_.size());
    documents[origin.prefix].insert(origin.documents.begin(), origin.documents.end());
  }
  std::string text;
  for (const auto& [prefix, some] : documents) {
    text += format("{}{} documents", text.empty() ? "" : "; ", prefix);
    auto end = std::next(some.begin(), std::ptrdiff_t(std::min(some.size(), kDocumentsShown)));
    for (auto d = some.begin(); d != end; ++d)
      text += format("{} {}", d == some.begin() ? "" : ",", *d);
    if (end != some.end()) text += format(" and {} more", some.size() - kDocumentsShown);
  }
  return text;
}

// A run that was killed and meets the same fault again does not write it twice.
void FaultWatch::record(const Fault& fault, const StepReport& report) const {
  if (log_.empty()) return;
  Json data = Json::array();
  for (int64_t i = fault.from_sample; i < fault.to_sample; ++i) {
    SampleStream::Origin origin = data_.origin(i % data_.size());
    data.push_back({{"sample", i},
                    {"source", origin.prefix},
                    {"source_sample", origin.sample},
                    {"documents", origin.documents}});
  }
  std::string line = Json{{"version", 1},
                          {"step", fault.step},
                          {"kind", fault_kind_name(fault.verdict.kind)},
                          {"action", fault_action_name(fault.verdict.action)},
                          {"loss", number(report.loss)},
                          {"grad_norm", number(report.grad_norm)},
                          {"z", fault.verdict.z},
                          {"from_sample", fault.from_sample},
                          {"to_sample", fault.to_sample},
                          {"data", data}}
                         .dump() +
                     "\n";
  std::string lines = std::filesystem::exists(log_) ? read_file(log_) : std::string();
  if (lines.find(line) == std::string::npos) write_file_atomically(log_, lines + line);
}

}  // namespace slm
