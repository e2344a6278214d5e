// Which of two backends computes which layers of a model that is larger than a device's memory: the
// host's the embedding and the first blocks; the device's the other blocks, the final norm and the
// output matrix.
//
// That way round because of what is at the ends. The embedding is a look-up of single rows, as
// cheap on a CPU, in a table that then takes no room on the device. The output matrix is the
// largest there is, and every token reads all of it. And the states cross once in a pass, towards
// the device, which never keeps the CPU waiting.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "backend/backend.h"

namespace slm {

struct Placement {
  std::shared_ptr<Backend> host;  // null: one backend computes everything
  int64_t host_layers = 0;        // how many blocks `host` computes, after the embedding

  bool on_host(int64_t layer) const { return host && layer < host_layers; }
  // By its canonical name.
  bool on_host(std::string_view parameter) const;
};

// The block that a parameter belongs to; -1: it comes before the first, `layers`: after the last.
int64_t layer_of(std::string_view parameter, int64_t layers);

// What is free for tensors of a pass on `backend` and, of a split model, the host: the less of the
// two.
int64_t free_memory(const Backend& backend, const Placement& placement);

}  // namespace slm
