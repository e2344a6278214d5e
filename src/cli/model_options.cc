#include "cli/model_options.h"

#include "cli/builtin_model.h"
#include "cli/resolve_model.h"
#include "util/error.h"

namespace slm {

void add_backend_choice(CLI::App& app, std::string& backend, int& device) {
  auto known = [](const std::string& name) -> std::string {
    try {
      chosen_backend(name);
    } catch (const Error& e) {
      return e.what();
    }
    return {};
  };
  app.add_option("--backend", backend,
                 "What computes: cuda (an NVIDIA GPU), cpu (vectorised, threaded), reference "
                 "(plain loops in double precision, slow, for checking), or auto: cuda when a GPU "
                 "is there, else cpu")
      ->check(CLI::Validator(known, "", "BACKEND"))
      ->capture_default_str();
  app.add_option("--device", device, "Which GPU, of several")
      ->check(CLI::Range(0, 1023))
      ->capture_default_str();
}

void ModelOptions::add_model(CLI::App& app, bool required) {
  CLI::Option* option = app.add_option(
      "model", model,
      required ? "Model directory in the Hugging Face layout, .gguf file, or the ORG/NAME of a "
                 "pulled model"
               : "Model directory in the Hugging Face layout, .gguf file, or the ORG/NAME of a "
                 "pulled model; without one, the built-in model");
  option->type_name("MODEL");
  if (required) option->required();
}

void ModelOptions::add_backend(CLI::App& app) {
  add_backend_choice(app, backend, device);
  app.add_option("--threads", threads, "Threads; 0: one per core this process may use")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_flag(
      "--exact", exact,
      "Multiply quantised weights with activations in f32: slower, without the rounding of "
      "activations to eight bits");
}

void ModelOptions::add_to(CLI::App& app, bool model_required) {
  add_model(app, model_required);
  add_backend(app);
  app.add_option("--dtype", dtype,
                 "Convert the weights to f32, bf16 or f16 when loading (default: as stored)")
      ->check(CLI::IsMember({"f32", "bf16", "f16"}));
}

std::filesystem::path ModelOptions::model_dir() const {
  return model.empty() ? builtin_model_dir() : resolve_model(model);
}

BackendOptions ModelOptions::backend_options() const {
  return {.threads = threads, .isa = {}, .exact = exact, .device = device};
}

std::unique_ptr<Backend> ModelOptions::make_backend() const {
  return slm::make_backend(backend, backend_options());
}

Model ModelOptions::load(Backend& memory) const {
  LoadOptions options = load_options();
  options.memory = &memory;
  return load_model(model_dir(), options);
}

LoadOptions ModelOptions::load_options() const {
  LoadOptions options;
  if (!dtype.empty()) {
    options.dtype = dtype_from_name(dtype);
    check(options.dtype.has_value(), "dtype \"{}\": expected f32, bf16 or f16", dtype);
  }
  return options;
}

}  // namespace slm
