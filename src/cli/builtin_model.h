// Where the model lies that is used when none is named.
#pragma once

#include <filesystem>

namespace slm {

// $STABLELM_BUILTIN_MODEL, else share/stablelm/parrot beside the installed program, else
// models/parrot in the source tree. Error, saying where it looked, when none of them is there.
std::filesystem::path builtin_model_dir();

}  // namespace slm
