// The directory of a zip archive, as far as torch.save uses it: stored entries only, ZIP64
// included. The project's own because nothing more is needed, and because entries are used where
// they lie in the mapped file. Format: PKWARE APPNOTE 6.3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

namespace slm {

struct ZipEntry {
  int64_t offset;  // of the contents, from the start of the file
  int64_t size;
};

// Every entry by its name. Refuses compressed or encrypted entries, names that appear twice, and
// anything that does not lie inside the file. Checksums are not compared.
std::map<std::string, ZipEntry, std::less<>> read_zip_directory(std::span<const std::byte> file,
                                                                const std::string& origin);

}  // namespace slm
