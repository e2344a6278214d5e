// A model with what computes it: on one backend, or, when a device has no room for all of it, its
// last layers there and the others on the CPU.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "backend/backend.h"
#include "model/layer_fit.h"
#include "model/load.h"

namespace slm {

struct OpenOptions {
  std::string backend = "auto";
  BackendOptions backend_options = {};
  std::optional<DType> dtype = {};  // as in LoadOptions
  // Blocks that a device computes; 0: the CPU computes all, as many as there are or more: the
  // device does. Absent: as many as fit beside `sizes`. No matter where there is no device.
  std::optional<int64_t> device_layers = {};
  RunSizes sizes = {};
};

struct OpenModel {
  std::unique_ptr<Backend> backend;  // of contexts
  Model model;
  std::string note = {};  // which layers are where, if not all on the backend asked for
};

// Errors as make_backend's and load_model's.
OpenModel open_model(const std::filesystem::path& path, const OpenOptions& options = {});
// The same on a backend that is there; options.backend is not looked at.
OpenModel open_model(std::unique_ptr<Backend> backend, const std::filesystem::path& path,
                     const OpenOptions& options = {});

}  // namespace slm
