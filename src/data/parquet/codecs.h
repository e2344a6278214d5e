// The compressions of Parquet pages.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace slm {

// The bytes of a page, `size` of them, out of `in`. `codec` is Parquet's number: 0 none, 1 Snappy,
// 2 gzip, 6 Zstandard, 7 raw LZ4; others are refused by name.
std::string decompress_page(int64_t codec, std::span<const std::byte> in, int64_t size,
                            const std::string& origin);

// The block formats behind two of them. Both append to `out`, which must not grow beyond `size`.
// Sources: google/snappy format_description.txt; lz4 lz4_Block_format.md.
void decompress_snappy(std::span<const std::byte> in, size_t size, std::string& out,
                       const std::string& origin);
void decompress_lz4(std::span<const std::byte> in, size_t size, std::string& out,
                    const std::string& origin);

}  // namespace slm
