// Several prompts of one `stablelm generate`, decoded together.
#pragma once

#include <string>
#include <vector>

#include "generate/batch_generator.h"

namespace slm {

// Prints the continuations in the order of the requests, each when it and all before it are
// complete: as text under a line with its number, or as the JSON lines of one prompt. Returns false
// when interrupted; what is there of each is printed then too.
bool generate_many(BatchGenerator& batch, const std::vector<GenerationRequest>& requests,
                   bool json);

// One line: {"prompt_ids": .., "ids": .., "text": .., "finish_reason": ..}
std::string json_line(const GenerationRequest& request, const GenerationResult& result);

}  // namespace slm
