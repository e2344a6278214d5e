#include "model/placement.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace slm {

bool Placement::on_host(std::string_view parameter) const {
  return on_host(layer_of(parameter, std::numeric_limits<int64_t>::max()));
}

int64_t layer_of(std::string_view parameter, int64_t layers) {
  constexpr std::string_view kBlocks = "blocks.", kEmbedding[] = {"embed", "positions"};
  for (std::string_view name : kEmbedding)
    if (parameter.starts_with(name)) return -1;
  if (!parameter.starts_with(kBlocks)) return layers;
  int64_t layer = 0;
  std::from_chars(parameter.data() + kBlocks.size(), parameter.data() + parameter.size(), layer);
  return layer;
}

int64_t free_memory(const Backend& backend, const Placement& placement) {
  int64_t bytes = backend.free_memory();
  return placement.host ? std::min(bytes, placement.host->free_memory()) : bytes;
}

}  // namespace slm
