// Encoding and loading speed of tokenizers on English text. Needs STABLELM_TEST_DATA.
#include "text/tokenizer.h"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "text/bpe_trainer.h"
#include "util/files.h"

namespace slm {
namespace {

std::filesystem::path external_data(const char* name) {
  const char* root = std::getenv("STABLELM_TEST_DATA");
  return std::filesystem::path(root ? root : "../shared") / name;
}

const std::string& corpus() {
  static const std::string kText = [] {
    auto path = external_data("data/corpora/tinyshakespeare.txt");
    return std::filesystem::exists(path) ? read_file(path) : std::string();
  }();
  return kText;
}

void encode(benchmark::State& state, const char* path) {
  auto where = external_data(path);
  if (!std::filesystem::exists(where) || corpus().empty()) return state.SkipWithError("no data");
  static std::shared_ptr<const Tokenizer> tokenizer;
  if (state.thread_index() == 0) tokenizer = load_tokenizer(where), corpus();
  size_t tokens = 0;
  for (auto _ : state) {
    auto ids = tokenizer->encode(corpus());
    benchmark::DoNotOptimize(tokens += ids.size());
  }
  state.SetBytesProcessed(int64_t(state.iterations() * corpus().size()));
  state.SetItemsProcessed(int64_t(tokens));
}

void load(benchmark::State& state, const char* path) {
  auto where = external_data(path);
  if (!std::filesystem::exists(where)) return state.SkipWithError("no data");
  for (auto _ : state) benchmark::DoNotOptimize(load_tokenizer(where));
}

void train(benchmark::State& state) {
  if (corpus().empty()) return state.SkipWithError("no data");
  for (auto _ : state) {
    BpeTrainer trainer({.vocab_size = 8192, .special_tokens = {"<|endoftext|>"}});
    trainer.add(corpus());
    benchmark::DoNotOptimize(trainer.train_to_json());
  }
  state.SetBytesProcessed(int64_t(state.iterations() * corpus().size()));
}

constexpr auto kNeoX = "data/tokenizers/neox/tokenizer.json";
constexpr auto kLlama = "data/tokenizers/llama/tokenizer.model";
constexpr auto kArcade = "data/tokenizers/arcade100k";

BENCHMARK_CAPTURE(encode, neox, kNeoX)
    ->Unit(benchmark::kMillisecond)
    ->ThreadRange(1, 2)
    ->UseRealTime();
BENCHMARK_CAPTURE(encode, llama, kLlama)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(encode, arcade100k, kArcade)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(load, neox, kNeoX)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(load, llama, kLlama)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(load, arcade100k, kArcade)->Unit(benchmark::kMillisecond);
BENCHMARK(train)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
}  // namespace slm
