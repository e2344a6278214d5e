// Several token files as one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>

namespace slm {

// The documents of all `inputs` in their order, under the prefix `output`. The inputs must have one
// element type. `progress` hears how many of how many bytes are copied.
void merge_token_files(std::span<const std::filesystem::path> inputs,
                       const std::filesystem::path& output,
                       const std::function<void(int64_t, int64_t)>& progress = {});

}  // namespace slm
