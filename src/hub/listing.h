// What files a model on a hub consists of: the answer of GET
// /api/models/ORG/NAME/revision/REVISION?blobs=true.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slm {

struct HubFile {
  std::string path;   // relative, without "." or "..", safe below any folder
  int64_t size = -1;  // bytes; -1: the listing does not say
  // The name of its contents: their SHA-256 when the file is in LFS, else the SHA-1 of git's blob;
  // safe as a file name. Empty: the listing does not say.
  std::string etag;
};

struct HubListing {
  std::string commit;  // 40 hexadecimal digits
  std::vector<HubFile> files;
};

// Nothing in the text is trusted. Errors name the key or the file; `origin` (the URL) starts them.
HubListing parse_listing(std::string_view json, const std::string& origin);

// Whether `path` may become a file below a folder: relative, of plain components.
bool is_safe_path(std::string_view path);
// Whether `etag` may be the name of a blob.
bool is_safe_etag(std::string_view etag);

}  // namespace slm
