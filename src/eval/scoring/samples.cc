#include "eval/scoring/samples.h"

#include "util/files.h"
#include "util/json.h"

namespace slm {
namespace {

Json request_sample(const Request& r, const Score& score) {
  Json sample{{"context", r.context}, {"continuation", r.continuation}};
  if (r.kind == Request::Kind::kGreedyUntil) {
    sample["generated"] = score.text;
    return sample;
  }
  sample["log_likelihood"] = score.log_likelihood;
  sample["greedy"] = score.greedy;
  return sample;
}

}  // namespace

std::filesystem::path samples_path(const std::filesystem::path& results, const std::string& task) {
  std::filesystem::path path = results;
  return path.replace_extension(task + ".samples.jsonl");
}

void write_samples(const std::filesystem::path& file, const Evaluation& evaluation, size_t task,
                   std::span<const Score> scores) {
  const PreparedTask& prepared = evaluation.tasks()[task];
  auto items = evaluation.items(task, scores);
  AtomicFile out(file);
  for (size_t d = 0; d < prepared.documents.size(); ++d) {
    Json line{{"doc_id", d}, {"metrics", Json::object()}};
    for (size_t m = 0; m < items.size(); ++m)
      line["metrics"][prepared.task.metrics[m].name] = items[m][d].value;
    if (!prepared.documents[d].choices.empty()) line["gold"] = prepared.documents[d].gold;
    line["requests"] = Json::array();
    for (int64_t i = prepared.first_request[d]; i < prepared.first_request[d + 1]; ++i)
      line["requests"].push_back(
          request_sample(evaluation.requests()[size_t(i)], scores[size_t(i)]));
    out.write(line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  }
  out.commit();
}

}  // namespace slm
