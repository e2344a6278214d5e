// Encoding and loading speed of tokenizers on English novels. Needs STABLELM_TEST_DATA.
#include "text/tokenizer.h"

#include <benchmark/benchmark.h>
#include <zlib.h>

#include <filesystem>
#include <string>

#include "support/test_data.h"
#include "text/bpe_trainer.h"
#include "util/json.h"

namespace slm {
namespace {

using testing::external_data;

// About `bytes` of text, from the start of the corpus.
std::string novels(size_t bytes) {
  std::string lines, text;
  gzFile file = gzopen(external_data("data/corpora/novels.jsonl.gz").c_str(), "rb");
  if (!file) return {};
  char buffer[1 << 16];
  while (lines.size() < bytes) {
    int n = gzread(file, buffer, sizeof buffer);
    if (n <= 0) break;
    lines.append(buffer, size_t(n));
  }
  while (lines.back() != '\n') {
    int n = gzread(file, buffer, 1);
    if (n <= 0) break;
    lines += buffer[0];
  }
  gzclose(file);
  for (size_t at = 0, end; (end = lines.find('\n', at)) != std::string::npos; at = end + 1) {
    text += parse_json(std::string_view(lines).substr(at, end - at), "novels")["text"];
  }
  return text;
}

const std::string& corpus() {
  static const std::string kText = novels(4 << 20);
  return kText;
}

void encode(benchmark::State& state, const char* path) {
  auto where = external_data(path);
  if (!std::filesystem::exists(where)) return state.SkipWithError("no data");
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
