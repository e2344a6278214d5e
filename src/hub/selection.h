// Which files of a repository are worth their bytes.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "hub/listing.h"

namespace slm {

// Patterns are as in a shell, `*` also crossing slashes; "folder/" means everything in it. With
// `include`, only what matches one of them is taken; without, what this program cannot use is left
// out: weights of other frameworks, pickled weights where safetensors are there too, and so on.
// What matches `exclude` is left out in any case. Errors: nothing is left; several .gguf files and
// nothing that says which.
std::vector<HubFile> select_files(std::span<const HubFile> files,
                                  std::span<const std::string> include,
                                  std::span<const std::string> exclude);

}  // namespace slm
