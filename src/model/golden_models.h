// For this room's tests: tiny models of every architecture whose weights are a pure function of
// tensor name and element index, with logits that an independent implementation computed in double.
#pragma once

#include <array>
#include <ostream>
#include <span>
#include <string_view>

#include "model/load.h"

namespace slm::testing {

struct GoldenModel {
  std::string_view name;
  std::string_view config;  // JSON, without the sizes they share
  // Of the last of the tokens 1, 5, 2, 9.
  std::array<double, 6> logits;
  double sum;
  int argmax;
};
inline void PrintTo(const GoldenModel& m, std::ostream* out) { *out << m.name; }

std::span<const GoldenModel> golden_models();

ModelConfig golden_config(const GoldenModel& golden);
// Writes config.json and model.safetensors.
void write_golden(const GoldenModel& golden, const std::filesystem::path& directory);
Model load_golden(const GoldenModel& golden);

}  // namespace slm::testing
