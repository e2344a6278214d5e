// A task of the user's own, written as a small YAML file with the keys of newer harnesses.
#pragma once

#include <filesystem>

#include "eval/task.h"
#include "util/config_file.h"

namespace slm {

// Errors name the file and the line; unknown keys are refused, and the nearest is suggested.
Task read_user_task(const std::filesystem::path& path);
Task user_task(const ConfigValue& config, const std::string& origin);

}  // namespace slm
