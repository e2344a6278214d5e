#include "hub/pull.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <utility>

#include "hub/cache.h"
#include "hub/fake_hub_test.h"
#include "hub/http.h"
#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "util/files.h"

namespace slm {
namespace {

namespace fs = std::filesystem;
using testing::FakeModel;
using testing::FakeServer;
using testing::HubCall;
using testing::HubReply;
using testing::refusal;
using testing::scratch_dir;

constexpr const char* kWeights = "model.safetensors";

std::string numbers(size_t size) {
  std::string bytes(size, 0);
  uint32_t seed = 7;
  for (char& c : bytes) c = char((seed = seed * 1664525 + 1013904223) >> 24);
  return bytes;
}

class Pull : public ::testing::Test {
 protected:
  Pull() {
    ::setenv("no_proxy", "127.0.0.1,localhost", 1);
    model_.files = {
        {"config.json", "{}"}, {kWeights, numbers(300'000)}, {"sub/tokenizer.json", "{\"a\": 1}"}};
    settings_.cache = dir_ / "cache";
    settings_.attempts = 3;
    settings_.retry_seconds = 0.01;
    settings_.stall_seconds = 20;
    settings_.endpoint = server_.url();
  }

  fs::path run() { return pull(settings_, request_); }
  std::string refused() {
    return refusal([&] { run(); });
  }
  HubCache cache() const { return HubCache(settings_.cache, "org/name"); }
  std::string etag(const std::string& path) const {
    return FakeModel::etag(path, model_.files.at(path));
  }
  void tamper(const std::string& part, std::function<void(const HubCall&, HubReply&)> change) {
    model_.tamper = [=](const HubCall& call, HubReply& reply) {
      if (call.target.find(part) != std::string::npos) change(call, reply);
    };
  }
  void expect_whole(const fs::path& folder) {
    for (const auto& [path, contents] : model_.files)
      EXPECT_TRUE(read_file(folder / path) == contents) << path;
  }
  int calls_of(const std::string& part) {
    int count = 0;
    for (const HubCall& call : server_.calls()) count += call.target.ends_with(part);
    return count;
  }
  void expect_contains(const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }

  fs::path dir_ = scratch_dir();
  FakeModel model_;
  FakeServer server_{[this](const HubCall& call) { return model_(call); }};
  HubSettings settings_;
  PullRequest request_{.repository = {"org/name"}};
};

TEST_F(Pull, FillsTheSharedCacheOnce) {
  EXPECT_FALSE(cached_snapshot(settings_.cache, {"org/name"}));
  fs::path folder = run();
  EXPECT_EQ(folder, settings_.cache / "models--org--name" / "snapshots" / model_.commit);
  expect_whole(folder);
  EXPECT_EQ(fs::read_symlink(folder / kWeights), "../../blobs/" + etag(kWeights));
  EXPECT_EQ(fs::read_symlink(folder / "sub/tokenizer.json"),
            "../../../blobs/" + etag("sub/tokenizer.json"));
  EXPECT_EQ(read_file(settings_.cache / "models--org--name/refs/main"), model_.commit);
  EXPECT_EQ(cached_snapshot(settings_.cache, {"org/name"}), folder);
  EXPECT_EQ(cached_snapshot(settings_.cache, {"org/name", model_.commit}), folder);
  server_.forget_calls();
  EXPECT_EQ(run(), folder);
  EXPECT_EQ(server_.calls().size(), 1u);  // the listing
  settings_.offline = true;
  server_.forget_calls();
  EXPECT_EQ(run(), folder);
  EXPECT_EQ(server_.calls().size(), 0u);
}

TEST_F(Pull, OfflineSaysWhatIsMissing) {
  settings_.offline = true;
  expect_contains(refused(), "org/name: not in the cache");
}

TEST_F(Pull, GoesOnAfterADroppedConnection) {
  int drops = 0;
  tamper(kWeights, [&](const HubCall&, HubReply& reply) {
    if (++drops <= 6) reply.drop_after = 40'000;  // more often than attempts allow without progress
  });
  expect_whole(run());
  int ranges = 0;
  for (const HubCall& call : server_.calls()) ranges += !call.header("range").empty();
  EXPECT_EQ(ranges, 6);
}

TEST_F(Pull, GoesOnAfterAStall) {
  settings_.stall_seconds = 1;
  bool first = true;
  tamper(kWeights, [&](const HubCall&, HubReply& reply) {
    if (std::exchange(first, false)) reply.stall_after = 100'000;
  });
  expect_whole(run());
}

TEST_F(Pull, GoesOnWhereAnotherProcessStopped) {
  write_file_atomically(cache().partial(etag(kWeights)), model_.files[kWeights].substr(0, 123'456));
  expect_whole(run());
  bool resumed = false;
  for (const HubCall& call : server_.calls()) resumed |= call.header("range") == "bytes=123456-";
  EXPECT_TRUE(resumed);
  EXPECT_FALSE(fs::exists(cache().partial(etag(kWeights))));
}

TEST_F(Pull, TakesTheWholeFileFromAServerWithoutRanges) {
  write_file_atomically(cache().partial(etag(kWeights)), model_.files[kWeights].substr(0, 1000));
  tamper(kWeights,
         [&](const HubCall&, HubReply& reply) { reply = {.body = model_.files[kWeights]}; });
  expect_whole(run());
}

TEST_F(Pull, ABeginningThatIsWrongIsFetchedAgain) {
  std::string wrong = model_.files[kWeights].substr(0, 1000);
  wrong[500] ^= 1;
  write_file_atomically(cache().partial(etag(kWeights)), wrong);
  expect_whole(run());
  EXPECT_EQ(calls_of(kWeights), 2);
}

TEST_F(Pull, RefusesContentsOfAnotherHash) {
  for (const char* path : {kWeights, "config.json"}) {
    fs::remove_all(settings_.cache);
    tamper(path, [&](const HubCall&, HubReply& reply) { reply.body[0] ^= 1; });
    std::string text = refused();
    expect_contains(text, std::string(path) + ": what arrived, twice");
    expect_contains(text, etag(path));
    EXPECT_FALSE(fs::exists(cache().blob(etag(path))));
    EXPECT_FALSE(fs::exists(cache().partial(etag(path))));
    EXPECT_FALSE(cached_snapshot(settings_.cache, {"org/name"}));
  }
}

TEST_F(Pull, RefusesOtherSizesThanAnnounced) {
  tamper(kWeights, [](const HubCall&, HubReply& reply) { reply.body += "more"; });
  expect_contains(refused(), "sends more than the 300000 bytes it announced");
  tamper(kWeights, [](const HubCall& call, HubReply& reply) {
    reply.body.resize(10);
    if (!call.header("range").empty()) reply = {.status = 416};
  });
  expect_contains(refused(), "10 bytes, expected 300000");
}

TEST_F(Pull, RefusesAnotherRangeThanAskedFor) {
  write_file_atomically(cache().partial(etag(kWeights)), model_.files[kWeights].substr(0, 1000));
  tamper(kWeights, [](const HubCall&, HubReply& reply) {
    reply.headers = {{"Content-Range", "bytes 999-299999/300000"}};
  });
  expect_contains(refused(), "asked for the bytes from 1000, the server sends \"bytes 999-");
}

TEST_F(Pull, FollowsRedirectsButKeepsTheTokenAtHome) {
  FakeServer storage([this](const HubCall& call) { return model_.honest(call); });
  settings_.token = "hf_secret";
  tamper("/resolve/", [&](const HubCall& call, HubReply& reply) {
    reply = {.status = 302, .headers = {{"Location", storage.url("localhost") + call.target}}};
  });
  expect_whole(run());
  EXPECT_EQ(storage.calls().size(), 3u);
  for (const HubCall& call : storage.calls()) EXPECT_EQ(call.header("authorization"), "");
  for (const HubCall& call : server_.calls())
    EXPECT_EQ(call.header("authorization"), "Bearer hf_secret");
}

TEST_F(Pull, ARedirectForEverEnds) {
  tamper("/resolve/", [&](const HubCall& call, HubReply& reply) {
    reply = {.status = 302, .headers = {{"Location", call.target}}};
  });
  expect_contains(refused(), "no answer from");
}

TEST_F(Pull, ExplainsRefusals) {
  auto answer = [&](int status, const char* code) {
    model_.tamper = [=](const HubCall&, HubReply& reply) {
      reply = {.status = status};
      if (*code) reply.headers = {{"X-Error-Code", code}};
    };
    return refused();
  };
  expect_contains(answer(401, "RepoNotFound"), "check the spelling of ORG/NAME");
  expect_contains(answer(401, "RepoNotFound"), "set HF_TOKEN to an access token from");
  expect_contains(answer(404, ""), "has no such model, or it is private");
  expect_contains(answer(401, "GatedRepo"), "accept its terms on its page");
  expect_contains(answer(403, "GatedRepo"), "org/name: access is restricted");
  expect_contains(answer(404, "RevisionNotFound"), "no such revision");
  expect_contains(answer(418, ""), "answers 418");
  settings_.token = "hf_old";
  expect_contains(answer(403, "GatedRepo"), "the access token that is set does not open it");
}

TEST_F(Pull, IsPatientWithABusyServer) {
  std::vector<int> statuses{429, 503};
  auto begin = std::chrono::steady_clock::now();
  model_.tamper = [&](const HubCall&, HubReply& reply) {
    if (statuses.empty()) return;
    reply = {.status = statuses.back(), .headers = {{"Retry-After", "1"}}};
    if (statuses.back() == 503) reply.headers.clear();
    statuses.pop_back();
  };
  expect_whole(run());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
  model_.tamper = [](const HubCall&, HubReply& reply) { reply = {.status = 429}; };
  server_.forget_calls();
  expect_contains(refused(), "asks for fewer requests");
  EXPECT_EQ(server_.calls().size(), 3u);
}

// What one file failed at is told at once, not after the waits of the others.
TEST_F(Pull, AFailureEndsTheWaitsOfTheOthers) {
  settings_.retry_seconds = 20;
  model_.tamper = [](const HubCall& call, HubReply& reply) {
    if (call.target.ends_with("config.json")) reply = {.status = 418};
    if (call.target.ends_with("tokenizer.json")) reply = {.status = 503};
    if (call.target.ends_with(kWeights)) reply.stall_after = 1000;
  };
  auto begin = std::chrono::steady_clock::now();
  expect_contains(refused(), "config.json");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST_F(Pull, AnotherCommitThanAskedForIsRefused) {
  request_.repository.revision = std::string(40, 'd');
  model_.tamper = [&](const HubCall& call, HubReply& reply) {
    if (call.target.starts_with("/api/")) reply = {.body = model_.listing().dump()};
  };
  expect_contains(refused(), "org/name: asked for commit dddd");
}

TEST_F(Pull, NobodyThere) {
  settings_.endpoint = "http://127.0.0.1:1";
  expect_contains(refused(), "org/name: no answer from http://127.0.0.1:1");
}

TEST_F(Pull, AnAnswerWithoutEndIsCut) {
  model_.tamper = [](const HubCall&, HubReply& reply) {
    reply = {.body = std::string(100'000, ' ')};
  };
  HttpClient client(settings_, nullptr);
  HttpResponse response = client.send({.url = server_.url() + "/x", .max_body = 1000});
  EXPECT_EQ(response.status, 0);
  EXPECT_EQ(response.trouble, "the answer is longer than 1000 bytes");
  EXPECT_EQ(server_.calls().size(), 1u);
}

TEST_F(Pull, ReadsSizeAndHashFromTheFilesWhenTheListingIsSilent) {
  model_.silent_listing = true;
  FakeServer storage([this](const HubCall& call) {
    HubReply reply = model_.honest(call);
    reply.headers[0].second = "\"other\"";
    return reply;
  });
  tamper(kWeights, [&](const HubCall& call, HubReply& reply) {
    reply = {.status = 302,
             .headers = {{"Location", storage.url() + call.target},
                         {"X-Linked-Etag", "\"" + etag(kWeights) + "\""},
                         {"X-Linked-Size", "300000"}}};
  });
  fs::path folder = run();
  expect_whole(folder);
  EXPECT_EQ(fs::read_symlink(folder / kWeights), "../../blobs/" + etag(kWeights));
}

TEST_F(Pull, SaysWhenTheDiskIsTooSmall) {
  tamper("/api/", [](const HubCall&, HubReply& reply) {
    Json listing = Json::parse(reply.body);
    listing["siblings"][1]["lfs"]["size"] = int64_t{1} << 50;
    reply.body = listing.dump();
  });
  expect_contains(refused(), "1024.0 TiB are to come, the disk has");
  EXPECT_EQ(server_.calls().size(), 1u);
}

TEST_F(Pull, AFullDiskIsToldAndTheNextPullGoesOn) {
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit small{100'000, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  std::string text = refused();
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  expect_contains(text, "cannot write");
  expect_contains(text, "make room and run the same command again");
  EXPECT_EQ(fs::file_size(cache().partial(etag(kWeights))), 100'000u);
  server_.forget_calls();
  expect_whole(run());
  bool resumed = false;
  for (const HubCall& call : server_.calls()) resumed |= call.header("range") == "bytes=100000-";
  EXPECT_TRUE(resumed);
}

TEST_F(Pull, TwoAtOnceFetchEachFileOnce) {
  tamper(kWeights, [](const HubCall&, HubReply&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  });
  std::string other;
  std::thread second([&] { other = refused(); });
  std::string mine = refused();
  second.join();
  EXPECT_EQ(mine, "no error");
  EXPECT_EQ(other, "no error");
  EXPECT_EQ(calls_of(kWeights), 1);
  expect_whole(*cached_snapshot(settings_.cache, {"org/name"}));
}

TEST_F(Pull, PlainFilesIntoALocalFolder) {
  request_.local_dir = dir_ / "here";
  EXPECT_EQ(run(), request_.local_dir);
  expect_whole(request_.local_dir);
  EXPECT_FALSE(fs::is_symlink(request_.local_dir / kWeights));
  EXPECT_FALSE(fs::exists(settings_.cache));
  server_.forget_calls();
  run();
  EXPECT_EQ(server_.calls().size(), 1u);
  // What has the size but is not known to be the file is fetched.
  write_file_atomically(request_.local_dir / "config.json", "[]");
  fs::remove(request_.local_dir / ".cache/huggingface/download/config.json.metadata");
  run();
  expect_whole(request_.local_dir);
}

TEST_F(Pull, ANewCommitFetchesOnlyWhatChanged) {
  fs::path before = run();
  model_.commit = std::string(40, 'a');
  model_.files["config.json"] = "{\"new\": true}";
  server_.forget_calls();
  fs::path after = run();
  expect_whole(after);
  EXPECT_EQ(calls_of(kWeights), 0);
  EXPECT_EQ(read_file(before / "config.json"), "{}");
  EXPECT_EQ(cached_snapshot(settings_.cache, {"org/name"}), after);
}

// A pull that fails half-way does not take away the model that was there.
TEST_F(Pull, AFailureLeavesTheFormerCommitInForce) {
  fs::path before = run();
  model_.commit = std::string(40, 'a');
  model_.files[kWeights] = numbers(200'000);
  tamper(kWeights, [](const HubCall&, HubReply& reply) { reply.body[0] ^= 1; });
  EXPECT_NE(refused(), "no error");
  EXPECT_EQ(cached_snapshot(settings_.cache, {"org/name"}), before);
}

}  // namespace
}  // namespace slm
