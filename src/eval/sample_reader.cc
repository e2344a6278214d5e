#include "eval/sample_reader.h"

#include <algorithm>

#include "data/record_reader.h"
#include "eval/python_json.h"
#include "util/error.h"

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
  std::vector<Request> asked;
  for (const Json& one : requests) {
    JsonObject request(one, origin + ": a request");
    asked.push_back(
        {.context = request.string("context"), .continuation = request.string("continuation")});
  }
  sample.hash = request_list_hash(asked);
  return sample;
}

}  // namespace

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
