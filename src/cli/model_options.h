// The options that every command with a model takes: which model, on which backend.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "backend/backend.h"
#include "model/open_model.h"

namespace slm {

// Adds --backend and --device.
void add_backend_choice(CLI::App& app, std::string& backend, int& device);

struct ModelOptions {
  std::string model;  // empty: the built-in one
  std::string backend = "auto";
  int threads = 0, device = 0;
  bool exact = false;
  std::string gpu_layers = "auto", dtype;

  // Adds MODEL, --backend, --device, --gpu-layers, --threads, --exact and --dtype.
  void add_to(CLI::App& app, bool model_required);
  void add_model(CLI::App& app, bool required);
  void add_backend(CLI::App& app);
  void add_gpu_layers(CLI::App& app);

  std::filesystem::path model_dir() const;
  // `sizes`: what will be in memory beside the weights. Errors when layers are asked to be on a GPU
  // and the backend has none.
  OpenOptions open_options(const RunSizes& sizes = {}) const;
  // Ready to compute; says on stderr when it is not all on the GPU.
  OpenModel open(const RunSizes& sizes = {}) const;
};

}  // namespace slm
