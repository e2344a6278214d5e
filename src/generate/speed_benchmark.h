// How fast a model answers on this machine, beside what the machine allows: for `stablelm bench`.
// What is timed are the loops that `generate` runs.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "generate/batch_generator.h"
#include "model/open_model.h"
#include "util/json.h"

namespace slm {

struct SpeedOptions {
  int64_t prompt = 512, tokens = 128;  // read at a time; written
  std::vector<int64_t> batches{1};     // sequences that are written together
  std::vector<int64_t> depths{0};      // tokens that are there before
  int64_t repeats = 3;                 // of each measurement, after one that is not counted
  DType cache_dtype = DType::kF16;
  OpenOptions open = {};  // sizes: those of what is measured
  // told before each measurement; null: nobody listens
  std::function<void(int64_t done, int64_t total)> progress = {};
};

struct SpeedRow {
  bool decode;  // else reading a prompt
  int64_t tokens, batch, depth;
  std::vector<double> rates;  // tokens/s of each repeat, of all sequences together
  // Of one token of one sequence: numbers multiplied and added, each counted as two, in the linear
  // layers; bytes of weights, keys and values that must be read from memory.
  double flops_per_token, bytes_per_token;

  double median_rate() const;
};

struct Speed {
  std::string model, device;
  double parameters = 0, weight_bytes = 0;
  double load_seconds = 0;         // opening the files, before anything is computed
  double first_token_seconds = 0;  // that, and a prompt of 16 tokens, and the first answer to it
  double peak_bytes = 0;           // most memory the process had
  // Measured here: a large product, multiply-adds of bytes (of the CPU, else 0), reading memory.
  double peak_flops = 0, peak_int8 = 0, peak_bandwidth = 0;
  std::string peak_of = "f32";  // products with most of the weights: "f32", "bf16" or "int8"
  std::vector<SpeedRow> rows;

  double peak_ops() const { return peak_of == "int8" ? peak_int8 : peak_flops; }
};

// Loads the model itself, to time that too. Errors as load_model's, and for a model whose context
// is shorter than what is asked for.
Speed benchmark_speed(const std::filesystem::path& model, const SpeedOptions& options);

std::string to_table(const Speed& speed);
std::string to_markdown(const Speed& speed);
Json to_json(const Speed& speed);

}  // namespace slm
