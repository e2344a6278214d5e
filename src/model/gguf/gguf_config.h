// What a GGUF file says about the model in it, as a config of the family it belongs to, and the
// inverse.
#pragma once

#include "format/gguf.h"
#include "model/gguf/architecture.h"
#include "model/load.h"

namespace slm {

// Error for an architecture that is not known.
const GgufArchitecture& gguf_architecture_of(const GgufMetadata& metadata);

// The config.json the file was made from, when it carries one that says the same as the rest of
// its metadata; else one made from that.
ModelConfig read_gguf_config(const GgufFile& file);

// End-of-text ids: those of the config, and those the vocabulary names.
std::vector<int32_t> gguf_stop_ids(const ModelConfig& config, const GgufMetadata& metadata);

// Everything but the tokenizer: architecture, sizes, and config.json and generation_config.json
// themselves, so that a directory made from the file is the one it came from. Error when llama.cpp
// has no architecture for such a decoder.
const GgufArchitecture& write_gguf_config(const ModelConfig& config, GgufMetadata& metadata);

}  // namespace slm
