#include "eval/sample_reader.h"

#include <algorithm>

#include "data/record_reader.h"
#include "util/error.h"
#include "util/json.h"

namespace slm {
namespace {

// {"doc_id", "metrics": {"acc": 1.0}, "requests": [{"context", "continuation", ...}]}
Sample parse_sample(const Record& record, const std::string& origin) {
  Json json = parse_json(record.text, origin);
  JsonObject line(json, origin);
  Sample sample{.doc_id = line.integer("doc_id")};
  JsonObject metrics(line.at("metrics"), origin + ": key \"metrics\"");
  for (const auto& [name, value] : metrics.json().items())
    if (!value.is_null()) sample.metrics[name] = metrics.number(name);
  const Json& requests = line.at("requests");
  check_data(requests.is_array(), "{}: key \"requests\" must be an array", origin);
  for (const Json& one : requests) {
    JsonObject request(one, origin + ": a request");
    std::string context = request.string("context");
    constexpr size_t kEnd = 200;  // enough to tell documents apart
    sample.asked.push_back(context.substr(context.size() - std::min(kEnd, context.size())));
    sample.asked.push_back(request.string("continuation"));
  }
  return sample;
}

}  // namespace

bool same_document(const Sample& a, const Sample& b) {
  return std::equal(
      a.asked.begin(), a.asked.end(), b.asked.begin(), b.asked.end(),
      [](const std::string& x, const std::string& y) { return x.ends_with(y) || y.ends_with(x); });
}

std::vector<Sample> read_samples(const std::filesystem::path& path) {
  std::vector<Sample> out;
  RecordReader reader(path, TextUnit::kFile);
  for (Record record; reader.next(record);)
    out.push_back(parse_sample(record, format("{}:{}", path.string(), record.line)));
  std::sort(out.begin(), out.end(),
            [](const Sample& a, const Sample& b) { return a.doc_id < b.doc_id; });
  return out;
}

}  // namespace slm
