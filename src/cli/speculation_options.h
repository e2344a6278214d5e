// --speculate and --draft: what proposes tokens, the same for every command that generates.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "generate/drafter.h"
#include "model/load.h"

namespace slm {

struct SpeculationFlags {
  std::string speculate;  // empty: nothing does
  int64_t draft = SpeculationOptions{}.most;

  void add_to(CLI::App& app);

  int64_t draft_bytes() const;  // of the weights of the draft model, if one is named
  // Loads the draft model, if one is named. Errors when it has other tokens than `model`.
  SpeculationOptions options(const Model& model, Backend& backend, int64_t context) const;
};

}  // namespace slm
