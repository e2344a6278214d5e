// Orders of samples on disk: <key>.order in a folder, where the key is a digest of everything the
// order depends on. Layout: "SLMORDER", u64 bytes of each of three arrays, then the arrays.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "data/sampling.h"
#include "util/mapped_file.h"

namespace slm {

// Changes with the size or time of the token files, any number of the spec, and the algorithm.
std::filesystem::path order_cache_file(const std::filesystem::path& folder, const TokenFile& file,
                                       const SampleOrderSpec& spec);

using OrderArrays = std::array<std::span<const std::byte>, 3>;

void write_order_cache(const std::filesystem::path& path, const OrderArrays& arrays);

struct MappedOrder {
  std::shared_ptr<const MappedFile> file;  // null: not there, or not of these sizes
  OrderArrays arrays;
};
MappedOrder map_order_cache(const std::filesystem::path& path,
                            const std::array<int64_t, 3>& expected_bytes);

}  // namespace slm
