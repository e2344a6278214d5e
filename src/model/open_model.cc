#include "model/open_model.h"

#include <algorithm>

#include "model/checkpoint.h"
#include "util/error.h"

namespace slm {
namespace {

std::string gib(int64_t bytes) {
  return format("{:.1f} GiB", double(bytes) / double(int64_t{1} << 30));
}

LayerFit fit_of(const LayerBytes& bytes, int64_t free, std::optional<int64_t> asked) {
  if (!asked) return layers_that_fit(bytes, free);
  int64_t layers = std::ssize(bytes.blocks);
  return {std::min(*asked, layers), *asked >= layers};
}

std::string note_of(const LayerFit& fit, const LayerBytes& bytes, int64_t free,
                    const std::string& device) {
  int64_t layers = std::ssize(bytes.blocks);
  if (fit.blocks == 0)
    return format(
        "no layer fits on {}: {} are free, {} are needed for the output matrix and the work, and "
        "{} for a layer; the CPU computes the model",
        device, gib(free), gib(bytes.after + bytes.work), gib(bytes.blocks.back()));
  if (fit.blocks == layers) return {};  // a table in the host's memory is nothing to wait for
  return format("{} of {} layers on {}, {} on the CPU", fit.blocks, layers, device,
                layers - fit.blocks);
}

}  // namespace

OpenModel open_model(const std::filesystem::path& path, const OpenOptions& o) {
  bool device = chosen_backend(o.backend) == "cuda";
  std::string name = device && o.device_layers == 0 ? "cpu" : o.backend;
  return open_model(make_backend(name, o.backend_options), path, o);
}

OpenModel open_model(std::unique_ptr<Backend> backend, const std::filesystem::path& path,
                     const OpenOptions& o) {
  Checkpoint checkpoint(path);
  LoadOptions load{.dtype = o.dtype};
  std::string note;
  if (backend->device() != Device::kHost) {
    int64_t free = backend->free_memory();
    LayerBytes bytes = layer_bytes(checkpoint, o.dtype, o.sizes);
    LayerFit fit = fit_of(bytes, free, o.device_layers);
    if (!fit.whole && o.device_layers != 0)
      note = note_of(fit, bytes, free, backend->description());
    std::unique_ptr<Backend> host;
    if (!fit.whole) host = make_cpu_backend(o.backend_options);
    if (fit.blocks == 0)
      backend = std::move(host);
    else if (host)
      load.placement = {std::move(host), std::ssize(bytes.blocks) - fit.blocks};
  }
  load.memory = backend.get();
  Model model = load_model(checkpoint, load);
  return {std::move(backend), std::move(model), std::move(note)};
}

}  // namespace slm
