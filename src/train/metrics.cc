#include "train/metrics.h"

#include "util/files.h"

namespace slm {
namespace {

constexpr int kVersion = 1;

// A line that a crash cut short reads as null.
Json parse_line(std::string_view line) {
  return Json::parse(line, nullptr, /*allow_exceptions=*/false);
}

}  // namespace

MetricsLog::MetricsLog(std::filesystem::path path, int64_t resumed_step) : path_(std::move(path)) {
  if (path_.empty()) return;
  std::string kept;
  if (std::filesystem::exists(path_)) {
    std::string old = read_file(path_);
    for (size_t begin = 0; begin < old.size();) {
      size_t end = std::min(old.find('\n', begin), old.size());
      std::string_view text(old.data() + begin, end - begin);
      begin = end + 1;
      Json line = parse_line(text);
      if (!line.is_object() || !line.contains("step") || !line["step"].is_number_integer())
        continue;
      if (line["step"].get<int64_t>() > resumed_step) continue;
      remember(line);
      kept.append(text).append("\n");
    }
  }
  write_file_atomically(path_, kept);
  file_.emplace(path_);
}

void MetricsLog::write(std::string_view kind, Json fields) {
  Json line{{"version", kVersion}, {"kind", kind}};
  line.update(fields);
  if (!file_) return;
  file_->append(line.dump() + "\n");
  remember(line);
}

void MetricsLog::remember(const Json& line) {
  auto number = [&](const char* key) { return line.contains(key) && line[key].is_number(); };
  if (!number("step") || !number("loss") || !line.contains("kind")) return;
  bool trained = line["kind"] == "step";
  if (!trained && line["kind"] != "valid") return;
  auto& curve = trained ? curves_.train : curves_.valid;
  curve.push_back({line["step"].get<double>(), line["loss"].get<double>()});
}

}  // namespace slm
