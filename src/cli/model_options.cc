#include "cli/model_options.h"

#include <fmt/core.h>

#include <charconv>

#include "cli/builtin_model.h"
#include "cli/resolve_model.h"
#include "util/error.h"

namespace slm {
namespace {

// Absent: as many as fit.
std::optional<int64_t> layers_on_gpu(const std::string& text) {
  if (text == "auto") return {};
  int64_t layers = -1;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), layers);
  check(error == std::errc() && end == text.data() + text.size() && layers >= 0,
        "\"{}\": expected auto or a number of layers", text);
  return layers;
}

// What there is to say against a text that `read` refuses; nothing against others.
template <class Read>
std::string objection(Read read, const std::string& text) {
  try {
    read(text);
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}

}  // namespace

void add_backend_choice(CLI::App& app, std::string& backend, int& device) {
  auto known = [](const std::string& name) { return objection(chosen_backend, name); };
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
      "Multiply weights with activations in f32: slower, without the rounding of activations to "
      "eight bits beside quantised weights, or to bf16 beside bf16 weights");
}

void ModelOptions::add_to(CLI::App& app, bool model_required) {
  add_model(app, model_required);
  add_backend(app);
  add_gpu_layers(app);
  app.add_option("--dtype", dtype,
                 "Convert the weights to f32, bf16 or f16 when loading (default: as stored)")
      ->check(CLI::IsMember({"f32", "bf16", "f16"}));
}

void ModelOptions::add_gpu_layers(CLI::App& app) {
  auto fits = [](const std::string& text) { return objection(layers_on_gpu, text); };
  app.add_option("--gpu-layers", gpu_layers,
                 "How many of the model's layers are on the GPU, the last ones; the CPU computes "
                 "the others. auto: as many as its memory holds")
      ->check(CLI::Validator(fits, ""))
      ->type_name("auto|N")
      ->capture_default_str();
}

std::filesystem::path ModelOptions::model_dir() const {
  return model.empty() ? builtin_model_dir() : resolve_model(model);
}

OpenOptions ModelOptions::open_options(const RunSizes& sizes) const {
  OpenOptions options{
      .backend = backend,
      .backend_options = {.threads = threads, .isa = {}, .exact = exact, .device = device},
      .device_layers = layers_on_gpu(gpu_layers),
      .sizes = sizes};
  std::string_view chosen = chosen_backend(backend);
  check(options.device_layers.value_or(0) == 0 || chosen == "cuda",
        "--gpu-layers {}: the {} backend has no GPU; leave --gpu-layers out, or compute with "
        "--backend cuda on a machine that has one",
        gpu_layers, chosen);
  if (!dtype.empty()) {
    options.dtype = dtype_from_name(dtype);
    check(options.dtype.has_value(), "dtype \"{}\": expected f32, bf16 or f16", dtype);
  }
  return options;
}

OpenModel ModelOptions::open(const RunSizes& sizes) const {
  OpenModel opened = open_model(model_dir(), open_options(sizes));
  if (!opened.note.empty()) fmt::print(stderr, "stablelm: {}\n", opened.note);
  return opened;
}

}  // namespace slm
