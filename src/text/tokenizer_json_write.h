// The lists of a GGUF vocabulary as the tokenizer files of a model directory, in the schema of the
// Hugging Face tokenizers and transformers libraries.
#pragma once

#include <string>
#include <string_view>

#include "text/vocabulary_export.h"

namespace slm {

// tokenizer.json. `origin` starts every error: for rules that the schema cannot say.
std::string tokenizer_json(const PortableVocabulary& vocabulary, std::string_view origin);

// tokenizer_config.json: the special tokens by name, what frames a text, the chat template.
std::string tokenizer_config_json(const PortableVocabulary& vocabulary);

}  // namespace slm
