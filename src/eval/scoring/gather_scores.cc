#include "eval/scoring/gather_scores.h"

#include <bit>

#include "util/json.h"

namespace slm {
namespace {

std::string pack(const RequestScores& result, std::span<const Request> requests, const Comm& comm) {
  Json scores = Json::array(), failures = Json::array();
  for (size_t i = 0; i < requests.size(); ++i)
    if (requests[i].doc_id % comm.size() == comm.rank()) {
      const Score& s = result.scores[i];  // bits: NaN and infinity have no place in JSON
      scores.push_back({std::bit_cast<uint64_t>(s.log_likelihood), s.greedy, s.text});
    }
  for (const auto& [task, message] : result.failures) failures.push_back({task, message});
  Json all{{"scores", scores},
           {"failures", failures},
           {"stopped", result.stopped},
           {"counts", {result.from_cache, result.tokens_read, result.tokens_asked}}};
  return all.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void merge(const std::string& text, int rank, std::span<const Request> requests, const Comm& comm,
           RequestScores& result) {
  Json all = Json::parse(text);
  size_t next = 0;
  for (size_t i = 0; i < requests.size(); ++i)
    if (requests[i].doc_id % comm.size() == rank) {
      const Json& s = all["scores"].at(next++);
      result.scores[i] = {std::bit_cast<double>(s[0].get<uint64_t>()), s[1].get<bool>(),
                          s[2].get<std::string>()};
    }
  for (const Json& f : all["failures"]) result.failures.emplace(f[0], f[1]);
  result.stopped |= all["stopped"].get<bool>();
  const Json& counts = all["counts"];
  result.from_cache += counts[0].get<int64_t>();
  result.tokens_read += counts[1].get<int64_t>();
  result.tokens_asked += counts[2].get<int64_t>();
}

}  // namespace

void gather_scores(Comm& comm, std::span<const Request> requests, RequestScores& result) {
  std::vector<std::string> texts = comm.gather(pack(result, requests, comm), 0);
  for (int rank = 1; rank < int(texts.size()); ++rank)
    merge(texts[size_t(rank)], rank, requests, comm, result);
}

}  // namespace slm
