// The options that every command with a model takes: which model, on which backend.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "backend/backend.h"
#include "model/load.h"

namespace slm {

// Adds --backend and --device.
void add_backend_choice(CLI::App& app, std::string& backend, int& device);

struct ModelOptions {
  std::string model;  // empty: the built-in one
  std::string backend = "auto";
  int threads = 0, device = 0;
  bool exact = false;
  std::string dtype;

  // Adds MODEL, --backend, --device, --threads, --exact and --dtype.
  void add_to(CLI::App& app, bool model_required);
  void add_model(CLI::App& app, bool required);
  void add_backend(CLI::App& app);

  std::filesystem::path model_dir() const;
  BackendOptions backend_options() const;
  std::unique_ptr<Backend> make_backend() const;
  LoadOptions load_options() const;
  Model load(Backend& backend) const;  // onto its device; it must outlive the model
};

}  // namespace slm
