// The tokenizer.* keys of GGUF metadata.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "format/gguf_metadata.h"
#include "text/vocabulary_export.h"

namespace slm {

bool has_vocabulary(const GgufMetadata& metadata);

// Error when lists that belong together differ in length, or a key has the wrong type. `pre` is
// empty for files older than its key.
PortableVocabulary read_vocabulary(const GgufMetadata& metadata);
void write_vocabulary(const PortableVocabulary& vocabulary, GgufMetadata& metadata);
void write_no_vocabulary(GgufMetadata& metadata);  // stock loaders want to be told

// The ids that end a text: end of text, of turn and of message, those that are there.
std::vector<int32_t> vocabulary_stop_ids(const GgufMetadata& metadata);

}  // namespace slm
