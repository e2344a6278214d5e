#include "eval/scoring/score_requests.h"

#include <gtest/gtest.h>

#include "comm/local.h"
#include "generate/tiny_model.h"
#include "support/scratch_dir.h"
#include "util/error.h"

namespace slm {
namespace {

// Everything an evaluation of a tiny model needs, for one process.
struct Bench {
  DecoderSpec spec = testing::tiny_spec(259);
  Parameters parameters = testing::random_parameters(spec);
  Decoder decoder{spec, parameters};
  std::unique_ptr<Backend> backend = make_cpu_backend({.threads = 1});
  std::shared_ptr<const Tokenizer> tokenizer = testing::byte_tokenizer();
  EvaluatedModel model{decoder, *backend, *tokenizer, {.max_length = 48, .end_of_text = 256}};

  RequestScores score(std::span<const Request> requests, const ScoringOptions& options = {}) {
    ScoringOptions quiet = options;
    quiet.show_progress = false;
    return score_requests(model, requests, quiet);
  }
};

// Three tasks: choices, a generation per document, and a text to be read in windows.
std::vector<Request> requests() {
  std::vector<Request> all;
  for (int64_t d = 0; d < 6; ++d)
    for (int c = 0; c < 3; ++c)
      all.push_back({.doc_id = d,
                     .idx = c,
                     .context = "Question " + std::to_string(d),
                     .continuation = " answer " + std::string(size_t(c + 1), 'x')});
  for (int64_t d = 0; d < 3; ++d)
    all.push_back({.kind = Request::Kind::kGreedyUntil,
                   .task = 1,
                   .doc_id = d,
                   .context = "Say " + std::to_string(d),
                   .stop = {"\n"},
                   .max_tokens = 8});
  all.push_back(
      {.kind = Request::Kind::kRolling, .task = 2, .continuation = std::string(200, 'r')});
  return all;
}

void expect_equal(const std::vector<Score>& a, const std::vector<Score>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].log_likelihood, b[i].log_likelihood) << i;
    EXPECT_EQ(a[i].greedy, b[i].greedy) << i;
    EXPECT_EQ(a[i].text, b[i].text) << i;
  }
}

TEST(ScoreRequests, SharedBeginningsAreReadOnce) {
  Bench bench;
  std::vector<Request> all = requests();
  RequestScores result = bench.score(all);
  EXPECT_TRUE(result.failures.empty());
  EXPECT_EQ(result.from_cache, 0);
  EXPECT_LT(result.tokens_read, result.tokens_asked * 2 / 3);
  for (const Score& s : result.scores) EXPECT_TRUE(s.log_likelihood < 0 || !s.text.empty());
  RequestScores small = bench.score(all, {.limits = {.tokens = 1}});
  expect_equal(small.scores, result.scores);
}

TEST(ScoreRequests, TheSameForAnyNumberOfProcesses) {
  std::vector<Request> all = requests();
  RequestScores expected = Bench().score(all);
  RequestScores result;
  run_local_ranks(3, [&](Comm& comm) {
    RequestScores mine = Bench().score(all, {.comm = &comm});
    if (comm.first()) result = mine;
  });
  expect_equal(result.scores, expected.scores);
  EXPECT_EQ(result.tokens_asked, expected.tokens_asked);
}

TEST(ScoreRequests, AStoppedRunGoesOnWhereItStopped) {
  Bench bench;
  std::vector<Request> all = requests();
  RequestScores expected = bench.score(all);
  auto file = testing::scratch_dir() / "cache";
  int64_t batches = 0, runs = 0;
  RequestScores result;
  do {  // every run is stopped after two batches
    ScoreCache cache(file, "model", 0, [](const std::string&) {});
    result = bench.score(all, {.limits = {.tokens = 60}, .cache = &cache, .stop = [&] {
                                 return ++batches % 2 == 0;
                               }});
  } while (result.stopped && ++runs < 100);
  EXPECT_GT(runs, 2);
  expect_equal(result.scores, expected.scores);
  EXPECT_GT(result.from_cache, 0);
  ScoreCache cache(file, "model", 0, [](const std::string&) {});
  result = bench.score(all, {.cache = &cache});
  EXPECT_EQ(result.tokens_read, 0);
  EXPECT_EQ(result.from_cache, int64_t(all.size()));
  expect_equal(result.scores, expected.scores);
}

TEST(ScoreRequests, OtherTasksGoOnWhenOneCannotBeScored) {
  Bench bench;
  std::vector<Request> all = requests();
  RequestScores expected = bench.score(all);
  all[4].continuation = "";
  RequestScores result = bench.score(all);
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_NE(result.failures.at(0).find("no tokens"), std::string::npos);
  for (size_t i = 18; i < all.size(); ++i) {
    EXPECT_EQ(result.scores[i].log_likelihood, expected.scores[i].log_likelihood);
    EXPECT_EQ(result.scores[i].text, expected.scores[i].text);
  }
}

}  // namespace
}  // namespace slm
