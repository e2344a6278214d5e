#include "cli/model_options.h"

#include "cli/builtin_model.h"
#include "cli/resolve_model.h"
#include "util/error.h"

namespace slm {

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
  app.add_option("--backend", backend,
                 "What computes: cpu (vectorised, threaded) or reference (plain loops in double "
                 "precision, slow, for checking)")
      ->check(CLI::IsMember({"cpu", "reference"}))
      ->capture_default_str();
  app.add_option("--threads", threads, "Threads; 0: one per core this process may use")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_flag(
      "--exact", exact,
      "Multiply weights with activations in f32: slower, without the rounding of activations to "
      "eight bits beside quantised weights, or to bf16 beside bf16 weights");
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

std::unique_ptr<Backend> ModelOptions::make_backend() const {
  return slm::make_backend(backend, {.threads = threads, .isa = {}, .exact = exact});
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
