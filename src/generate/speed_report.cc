#include <algorithm>

#include "generate/speed_benchmark.h"
#include "util/progress.h"

namespace slm {
namespace {

std::string what(const SpeedRow& r) {
  if (!r.decode) return format("read {}", r.tokens);
  return r.batch == 1 ? format("write {}", r.tokens) : format("write {} x {}", r.batch, r.tokens);
}

double flops(const SpeedRow& r) { return r.median_rate() * r.flops_per_token; }
double bandwidth(const SpeedRow& r) { return r.median_rate() * r.bytes_per_token; }

// The cells of a row, as text.
std::vector<std::string> cells(const Speed& s, const SpeedRow& r) {
  auto [least, most] = std::ranges::minmax(r.rates);
  return {what(r),
          format("{}", r.depth),
          format("{:.2f}", r.median_rate()),
          format("{:.2f}-{:.2f}", least, most),
          format("{:.1f}", bandwidth(r) / 1e9),
          format("{:.0f} %", 100 * bandwidth(r) / s.peak_bandwidth),
          format("{:.1f}", flops(r) / 1e9),
          format("{:.0f} %", 100 * flops(r) / s.peak_ops())};
}

const std::vector<std::string> kHead{"what", "depth",   "tokens/s", "min-max",
                                     "GB/s", "of read", "GFLOP/s",  "of peak"};

std::string limits(const Speed& s) {
  std::string text = format("{:.1f} GB/s read, {:.1f} GFLOP/s {} product", s.peak_bandwidth / 1e9,
                            s.peak_flops / 1e9, s.peak_of == "int8" ? "f32" : s.peak_of);
  if (s.peak_int8 > 0) text += format(", {:.1f} GOP/s int8", s.peak_int8 / 1e9);
  return text + format("; the peak below is of {}", s.peak_of);
}

std::vector<std::pair<std::string, std::string>> facts(const Speed& s) {
  return {{"model", format("{}: {} parameters, {}", s.model, format_count(s.parameters),
                           format_bytes(s.weight_bytes))},
          {"device", s.device},
          {"limits", limits(s)},
          {"start", format("{:.3f} s to load, {:.3f} s to the first token after a prompt of 16",
                           s.load_seconds, s.first_token_seconds)},
          {"memory", format("{} at most", format_bytes(s.peak_bytes))}};
}

}  // namespace

std::string to_table(const Speed& s) {
  std::string out;
  for (const auto& [name, text] : facts(s)) out += format("{:<8} {}\n", name, text);
  auto line = [&](const std::vector<std::string>& c) {
    out += format("  {:<14} {:>6} {:>10} {:>17} {:>7} {:>8} {:>9} {:>8}\n", c[0], c[1], c[2], c[3],
                  c[4], c[5], c[6], c[7]);
  };
  out += "\n";
  line(kHead);
  for (const SpeedRow& r : s.rows) line(cells(s, r));
  return out;
}

std::string to_markdown(const Speed& s) {
  std::string out;
  for (const auto& [name, text] : facts(s)) out += format("- {}: {}\n", name, text);
  out += format("\n| {} |\n|", fmt::join(kHead, " | "));
  for (size_t i = 0; i < kHead.size(); ++i) out += i == 0 ? "---|" : "--:|";
  out += "\n";
  for (const SpeedRow& r : s.rows) out += format("| {} |\n", fmt::join(cells(s, r), " | "));
  return out;
}

Json to_json(const Speed& s) {
  Json rows = Json::array();
  for (const SpeedRow& r : s.rows)
    rows.push_back({{"what", r.decode ? "decode" : "prefill"},
                    {"tokens", r.tokens},
                    {"batch", r.batch},
                    {"depth", r.depth},
                    {"tokens_per_second", r.rates},
                    {"median_tokens_per_second", r.median_rate()},
                    {"bytes_per_token", r.bytes_per_token},
                    {"flops_per_token", r.flops_per_token},
                    {"share_of_read_bandwidth", bandwidth(r) / s.peak_bandwidth},
                    {"share_of_peak", flops(r) / s.peak_ops()}});
  return {{"model", s.model},
          {"device", s.device},
          {"parameters", s.parameters},
          {"weight_bytes", s.weight_bytes},
          {"load_seconds", s.load_seconds},
          {"first_token_seconds", s.first_token_seconds},
          {"peak_bytes", s.peak_bytes},
          {"gemm_flops_per_second", s.peak_flops},
          {"int8_ops_per_second", s.peak_int8},
          {"peak_is_of", s.peak_of},
          {"read_bytes_per_second", s.peak_bandwidth},
          {"rows", rows}};
}

}  // namespace slm
