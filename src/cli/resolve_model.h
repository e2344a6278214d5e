// What a MODEL on the command line names.
#pragma once

#include <filesystem>
#include <string>

namespace slm {

// The path itself when it exists, else the cached copy of the model ORG/NAME or ORG/NAME@REVISION;
// in place of a folder without config.json, the .gguf file in it. Error kNotFound when there is
// neither, with the likely spelling and the command that downloads.
std::filesystem::path resolve_model(const std::string& model);

}  // namespace slm
