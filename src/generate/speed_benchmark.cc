#include "generate/speed_benchmark.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "backend/probe.h"
#include "util/error.h"
#include "util/memory.h"
#include "util/rng.h"

namespace slm {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<int32_t> noise(int64_t count, int64_t vocab, uint64_t seed) {
  Rng rng(seed);
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < count; ++i) ids.push_back(int32_t(rng.next_u32() % uint64_t(vocab)));
  return ids;
}

// What every measurement needs.
struct Bench {
  const SpeedOptions& options;
  const Decoder& decoder;
  Backend& backend;

  int64_t vocab() const { return decoder.spec().vocab; }

  // `depth` tokens that are the same for all, then others.
  GenerationRequest request(int64_t depth, int64_t count, uint64_t seed, int64_t output) const {
    GenerationRequest request{.prompt = noise(depth, vocab(), 1),
                              .sampling = {.temperature = 0},
                              .max_new_tokens = output};
    std::vector<int32_t> rest = noise(count, vocab(), seed);
    request.prompt.insert(request.prompt.end(), rest.begin(), rest.end());
    return request;
  }

  GeneratorOptions generator_options(int64_t context) const {
    return {.context = context, .cache_dtype = options.cache_dtype};
  }
};

constexpr uint64_t kFirstSeed = 2;

std::vector<double> time_prefill(const Bench& bench, int64_t depth) {
  int64_t count = bench.options.prompt;
  Generator generator(bench.decoder, bench.backend, nullptr,
                      bench.generator_options(depth + count + 1));
  if (depth > 0) generator.generate(bench.request(depth, 1, kFirstSeed, 1));
  std::vector<double> rates;
  for (int64_t i = -1; i < bench.options.repeats; ++i) {
    uint64_t seed = kFirstSeed + uint64_t(i + 2);
    double rate = generator.generate(bench.request(depth, count, seed, 1)).timings.prefill_rate();
    if (i >= 0) rates.push_back(rate);
  }
  return rates;
}

std::vector<double> time_decode(const Bench& bench, int64_t depth) {
  int64_t count = bench.options.tokens;
  Generator generator(bench.decoder, bench.backend, nullptr,
                      bench.generator_options(depth + count + 2));
  std::vector<double> rates;
  for (int64_t i = -1; i < bench.options.repeats; ++i) {
    int64_t output = i < 0 ? std::min<int64_t>(count, 8) : count;
    auto request = bench.request(depth, 1, kFirstSeed + uint64_t(i + 1), output + 1);
    double rate = generator.generate(request).timings.decode_rate();
    if (i >= 0) rates.push_back(rate);
  }
  return rates;
}

// Passes between the first token of the first of several sequences and that of the last, at most.
constexpr int64_t kHeadStart = 4;

// From when all sequences have their first token until the first of them ends.
double time_batch(BatchGenerator& batch, const Bench& bench, int64_t depth, int64_t sequences,
                  int64_t output) {
  int64_t begun = 0;
  for (int64_t s = 0; s < sequences; ++s)
    batch.add(bench.request(depth, 1, kFirstSeed + uint64_t(s), output + kHeadStart),
              [&begun, first = true](int32_t, std::string_view) mutable {
                begun += first;
                first = false;
                return true;
              });
  while (begun < sequences) batch.step();
  auto start = Clock::now();
  int64_t passes = 0;
  while (batch.take_finished().empty()) {
    batch.step();
    ++passes;
  }
  double seconds = seconds_since(start);
  while (batch.step()) {
  }
  batch.take_finished();
  return double(passes * sequences) / seconds;
}

std::vector<double> time_decode_together(const Bench& bench, int64_t depth, int64_t sequences) {
  int64_t count = bench.options.tokens;
  BatchGenerator batch(bench.decoder, bench.backend, nullptr,
                       {.slots = sequences,
                        .context = depth + count + kHeadStart + 1,
                        .cache_dtype = bench.options.cache_dtype});
  std::vector<double> rates;
  for (int64_t i = -1; i < bench.options.repeats; ++i) {
    double rate =
        time_batch(batch, bench, depth, sequences, i < 0 ? std::min<int64_t>(count, 8) : count);
    if (i >= 0) rates.push_back(rate);
  }
  return rates;
}

// Weights that every forward pass reads whole: all but tables of which single rows are used.
struct Work {
  double flops = 0, bytes = 0;
};
Work work_of_a_pass(const DecoderSpec& spec, const Parameters& parameters) {
  Work work;
  for (const Parameter& p : parameters.items()) {
    bool table = p.spec.role == ParameterRole::kEmbedding;
    if (table && (!spec.tied_head || p.spec.name != "embed.weight")) continue;
    work.bytes += double(p.value.bytes());
    if (p.spec.shape.rank() == 2) work.flops += 2 * double(p.spec.shape.elements());
  }
  return work;
}

// The output matrix is used for the last token of a prompt only.
double head_flops(const DecoderSpec& spec) { return 2 * double(spec.vocab * spec.width); }

double median(std::vector<double> values) {
  std::ranges::sort(values);
  size_t n = values.size();
  return n == 0 ? 0 : (values[(n - 1) / 2] + values[n / 2]) / 2;
}

void measure_rows(const Bench& bench, const Work& work, Speed& speed) {
  const SpeedOptions& o = bench.options;
  const DecoderSpec& spec = bench.decoder.spec();
  double key_bytes = double(KvCache::bytes_per_token(spec, o.cache_dtype));
  int64_t done = 0, total = std::ssize(o.depths) * (1 + std::ssize(o.batches));
  auto tell = [&] {
    if (o.progress) o.progress(done++, total);
  };
  for (int64_t depth : o.depths) {
    tell();
    if (o.prompt > 0) {
      double tokens = double(o.prompt), chunk = double(prefill_chunk_for(bench.backend));
      double passes = std::ceil(tokens / chunk);
      speed.rows.push_back({.decode = false,
                            .tokens = o.prompt,
                            .batch = 1,
                            .depth = depth,
                            .rates = time_prefill(bench, depth),
                            .flops_per_token = work.flops - head_flops(spec),
                            .bytes_per_token = work.bytes * passes / tokens});
    }
    for (int64_t batch : o.batches) {
      tell();
      if (o.tokens == 0) continue;
      speed.rows.push_back({.decode = true,
                            .tokens = o.tokens,
                            .batch = batch,
                            .depth = depth,
                            .rates = batch == 1 ? time_decode(bench, depth)
                                                : time_decode_together(bench, depth, batch),
                            .flops_per_token = work.flops,
                            .bytes_per_token = work.bytes / double(batch) +
                                               key_bytes * (double(depth) + double(o.tokens) / 2)});
    }
  }
  if (o.progress) o.progress(total, total);
}

void validate(const SpeedOptions& o, const DecoderSpec& spec) {
  check(o.prompt >= 0 && o.tokens >= 0 && o.repeats > 0,
        "[bench] a prompt of {} tokens, {} new tokens, {} repeats", o.prompt, o.tokens, o.repeats);
  for (int64_t batch : o.batches) check(batch > 0, "[bench] {} sequences together", batch);
  for (int64_t depth : o.depths) {
    int64_t most = depth + std::max(o.prompt, o.tokens) + 2;
    check(depth >= 0, "[bench] a depth of {}", depth);
    check(spec.positions != Positions::kLearned || most <= spec.max_positions,
          "[bench] {} tokens at a depth of {}: the model has {} positions; ask for fewer",
          std::max(o.prompt, o.tokens), depth, spec.max_positions);
  }
}

RunSizes sizes_of(const SpeedOptions& o) {
  RunSizes sizes{.cache = o.cache_dtype};
  for (int64_t batch : o.batches) sizes.texts = std::max(sizes.texts, batch);
  for (int64_t depth : o.depths)
    sizes.context = std::max(sizes.context, depth + std::max(o.prompt, o.tokens) + kHeadStart + 1);
  return sizes;
}

// What matrices are multiplied in. A GPU decodes blocks to bf16.
std::string products_of(const Parameters& parameters, const SpeedOptions& o, Device device) {
  if (o.open.backend == "reference" || o.open.backend_options.exact) return "f32";
  auto any = [&](auto is) { return std::ranges::any_of(parameters.items(), is); };
  if (any([](const Parameter& p) { return p.value.quantized(); }))
    return device == Device::kHost ? "int8" : "bf16";
  return any([](const Parameter& p) { return p.value.dtype() == DType::kBF16; }) ? "bf16" : "f32";
}

}  // namespace

double SpeedRow::median_rate() const { return median(rates); }

// The peaks are measured after the memory is read off: the probes need some themselves.
Speed benchmark_speed(const std::filesystem::path& path, const SpeedOptions& o) {
  constexpr int64_t kFirstPrompt = 16;
  Speed speed{.model = path.filename().string()};
  auto start = Clock::now();
  OpenOptions open = o.open;
  open.sizes = sizes_of(o);
  auto [backend, model, note] = open_model(path, open);
  Decoder decoder = model.decoder();
  speed.load_seconds = seconds_since(start);
  Bench bench{.options = o, .decoder = decoder, .backend = *backend};
  Generator(decoder, *backend, nullptr, bench.generator_options(kFirstPrompt + 1))
      .generate(bench.request(0, kFirstPrompt, kFirstSeed, 1));
  speed.first_token_seconds = seconds_since(start);

  validate(o, decoder.spec());
  speed.device = backend->description() + (note.empty() ? "" : "; " + note);
  speed.parameters = double(model.parameters.count());
  speed.weight_bytes = double(model.parameters.bytes());
  measure_rows(bench, work_of_a_pass(decoder.spec(), model.parameters), speed);
  speed.peak_bytes = double(peak_memory());
  speed.peak_of = products_of(model.parameters, o, backend->device());
  if (backend->device() == Device::kHost)
    speed.peak_int8 = int8_ops_per_second(o.open.backend_options);
  speed.peak_flops =
      gemm_flops_per_second(*backend, speed.peak_of == "bf16" ? DType::kBF16 : DType::kF32);
  speed.peak_bandwidth = read_bytes_per_second(*backend);
  return speed;
}

}  // namespace slm
