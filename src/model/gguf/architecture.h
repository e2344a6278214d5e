// How llama.cpp's architectures describe a decoder in GGUF metadata and name its tensors, as data.
// Used only at the door, like families/: after loading nothing knows the architecture. Source: the
// tables and graphs of llama.cpp (ggml-org), by reading them.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/gguf_metadata.h"
#include "model/families/families.h"
#include "model/spec.h"

namespace slm {

// What an architecture is told from: keys under its own prefix, and which tensors there are.
struct GgufFacts {
  const GgufMetadata& metadata;
  std::string architecture;
  std::function<bool(std::string_view)> has_tensor;

  std::string key(std::string_view name) const { return format("{}.{}", architecture, name); }
};

struct GgufArchitecture {
  std::string_view name;  // "general.architecture"
  // Families whose config.json may describe its decoders; the first that can is taken.
  std::vector<std::string_view> model_types;
  // Sets the axes the architecture fixes and those it has keys or tensors for; the sizes that all
  // have are there already.
  void (*read)(const GgufFacts& facts, DecoderSpec& spec);
  // The keys beyond those that all have. read() must give the spec back, or the architecture does
  // not fit it.
  void (*write)(const DecoderSpec& spec, const GgufFacts& facts, GgufMetadata& metadata);
  StoredNames names;
  bool head_required = false;  // stock loaders want output.weight even where it is the embedding
  bool paired = false;         // q and k in pairs, whole heads rotated
  bool any_head_size = false;  // the heads need not make up the width
};

extern const GgufArchitecture kGgufStableLm;
extern const GgufArchitecture kGgufGptNeox;
extern const GgufArchitecture kGgufLlama;
extern const GgufArchitecture kGgufBaichuan;
extern const GgufArchitecture kGgufQwen2;
extern const GgufArchitecture kGgufQwen;
extern const GgufArchitecture kGgufFalcon;
extern const GgufArchitecture kGgufMpt;
extern const GgufArchitecture kGgufBloom;
extern const GgufArchitecture kGgufPhi2;
extern const GgufArchitecture kGgufGpt2;

std::span<const GgufArchitecture* const> gguf_architectures();
// Error, listing what is known, for another name; `origin` starts it.
const GgufArchitecture& gguf_architecture(std::string_view name, std::string_view origin);

// What the metadata and tensor names of a file say. `vocab`: rows of the embedding.
DecoderSpec read_gguf_spec(const GgufArchitecture& architecture, const GgufMetadata& metadata,
                           int64_t vocab, const std::function<bool(std::string_view)>& has_tensor);

// The inverse: sets "general.architecture" and every key of a decoder, and returns the architecture
// that can hold it. Error, naming what is known, when none can.
const GgufArchitecture& write_gguf_spec(const DecoderSpec& spec, GgufMetadata& metadata);

// The spec without what GGUF metadata cannot say, so that two can be compared: which form of GELU,
// the padding token, a tied head that was written twice, a head that was divided by its rows'
// lengths before it was written, and what Qwen does beyond its trained length.
DecoderSpec as_gguf_says(DecoderSpec spec);

}  // namespace slm
