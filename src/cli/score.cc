// stablelm score: how likely texts are to a model.
#include <fmt/core.h>

#include <chrono>

#include "cli/commands.h"
#include "cli/scoring_options.h"
#include "cli/together.h"
#include "data/record_reader.h"
#include "util/error.h"
#include "util/files.h"
#include "util/progress.h"
#include "util/stop_request.h"

namespace slm {
namespace {

constexpr const char* kFooter =
    "Every line of INPUT is an object:\n"
    "  {\"context\": .., \"continuation\": ..}   how likely the continuation is after the context\n"
    "  {\"text\": ..}                          how likely the whole text is, in windows\n"
    "  {\"context\": .., \"until\": [..], \"max_tokens\": N}   the greedy continuation\n"
    "`stablelm evaluate --dump-requests` writes such lines. Each is copied to OUTPUT with what "
    "was\n"
    "found: \"log_likelihood\" (natural logarithm) and \"greedy\" (whether greedy decoding gives\n"
    "exactly this), or \"generated\". Beginnings that texts share are read once, lines of one\n"
    "document best stand together. A run that was interrupted goes on where it stopped.\n"
    "Example: stablelm score my-model requests.jsonl scores.jsonl";

struct ScoreOptions {
  ScoringFlags scoring;
  std::string input, output;
};

std::vector<std::string> strings(const JsonObject& row, std::string_view key) {
  std::vector<std::string> all;
  const Json& list = row.at(key);
  check_data(list.is_array(), "{}: key \"{}\" must be a list of texts", row.origin(), key);
  for (const Json& item : list) {
    check_data(item.is_string(), "{}: key \"{}\" must be a list of texts", row.origin(), key);
    all.push_back(item.get<std::string>());
  }
  return all;
}

Request request_of(const JsonObject& row) {
  Request r;
  if (row.has("text")) {
    r.kind = Request::Kind::kRolling;
    r.continuation = row.string("text");
  } else if (row.has("until")) {
    constexpr int64_t kMostTokens = 1 << 20;
    r.kind = Request::Kind::kGreedyUntil;
    r.context = row.string("context");
    r.stop = strings(row, "until");
    r.max_tokens = int(row.integer_or("max_tokens", 256, 1, kMostTokens));
  } else {
    r.context = row.string("context");
    r.continuation = row.string("continuation");
  }
  return r;
}

struct Input {
  std::vector<Json> rows;
  std::vector<Request> requests;
};

Input read_input(const std::filesystem::path& path) {
  Input input;
  RecordReader reader(path, TextUnit::kLine);
  for (Record record; reader.next(record);) {
    std::string where = format("{}:{}", path.string(), record.line);
    check_data(record.json, "{}: expected a .jsonl file of objects", path.string());
    input.rows.push_back(parse_json(record.text, where));
    input.requests.push_back(request_of(JsonObject(input.rows.back(), where)));
    input.requests.back().doc_id = int64_t(input.rows.size()) - 1;
  }
  check_data(!input.rows.empty(), "{}: no lines", path.string());
  return input;
}

void write_output(const std::string& path, const Input& input, const RequestScores& result) {
  AtomicFile file(path);
  for (size_t i = 0; i < input.rows.size(); ++i) {
    Json row = input.rows[i];
    const Score& score = result.scores[i];
    if (input.requests[i].kind == Request::Kind::kGreedyUntil) {
      row["generated"] = score.text;
    } else {
      row["log_likelihood"] = score.log_likelihood;
      row["greedy"] = score.greedy;
    }
    file.write(row.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  }
  file.commit();
}

// The exit code.
int run(Comm& comm, const ScoreOptions& options) {
  Input input = read_input(options.input);
  ScoringModel model(options.scoring.model, options.scoring.max_length,
                     options.scoring.add_special_tokens);
  auto cache = options.scoring.open_cache(options.output, model, comm);
  StopRequest stop;
  auto begin = std::chrono::steady_clock::now();
  RequestScores result = score_requests(
      model.evaluated(), input.requests,
      {.limits = options.scoring.limits(model), .cache = cache.get(), .comm = &comm, .stop = [&] {
         return stop.requested();
       }});
  if (!comm.first()) return 0;
  for (const auto& [task, message] : result.failures)
    fail(ErrorKind::kCorrupt, "{}: {}", options.input, message);
  if (result.stopped) {
    fmt::print(stderr, "stopped; {}\n",
               cache ? "the same command goes on from here" : "nothing was kept (--no-cache)");
    return kInterrupted;
  }
  write_output(options.output, input, result);
  std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  fmt::print("{}: {} scores in {} ({} from the cache); the model read {} tokens for {}\n",
             options.output, input.rows.size(), format_duration(seconds.count()), result.from_cache,
             format_count(double(result.tokens_read)), format_count(double(result.tokens_asked)));
  return 0;
}

}  // namespace

void add_score_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("score", "Say how likely texts are to a model");
  auto options = std::make_shared<ScoreOptions>();
  options->scoring.add_to(*command);
  command->add_option("input", options->input, "A .jsonl file of texts, also .gz or .zst")
      ->type_name("INPUT")
      ->required();
  command->add_option("output", options->output, "The .jsonl file to write")
      ->type_name("OUTPUT")
      ->required();
  command->footer(kFooter);
  command->callback([options] {
    int code = 0;
    run_together([&](Comm& comm) { code = run(comm, *options); });
    if (code != 0) throw CLI::RuntimeError(code);
  });
}

}  // namespace slm
