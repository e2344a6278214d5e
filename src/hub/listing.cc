#include "hub/listing.h"

#include <algorithm>
#include <set>

#include "hub/repository.h"
#include "util/error.h"
#include "util/json.h"

namespace slm {
namespace {

constexpr size_t kMaxFiles = 100'000;
constexpr int64_t kMaxFileBytes = int64_t{1} << 50;
constexpr size_t kMaxPath = 1024, kMaxComponent = 200;  // room for ".incomplete" within 255

HubFile read_file_entry(const Json& json, const std::string& origin) {
  JsonObject entry(json, origin + ": siblings");
  HubFile file{.path = entry.string("rfilename")};
  check_data(is_safe_path(file.path),
             "{}: the file name {} could lead outside the model's folder; nothing was written",
             origin, Json(file.path).dump(-1, ' ', true));
  file.size = entry.integer_or("size", -1, 0, kMaxFileBytes);
  file.etag = entry.string_or("blobId", "");
  if (const Json* lfs = entry.find("lfs")) {
    JsonObject pointer(*lfs, format("{}: lfs of \"{}\"", origin, file.path));
    file.etag = pointer.string_or("sha256", "");
    file.size = pointer.integer_or("size", file.size, 0, kMaxFileBytes);
  }
  check_data(file.etag.empty() || is_safe_etag(file.etag), "{}: \"{}\" has the odd hash \"{}\"",
             origin, file.path, file.etag.substr(0, 80));
  return file;
}

}  // namespace

bool is_safe_path(std::string_view path) {
  if (path.empty() || path.size() > kMaxPath) return false;
  for (char c : path)
    if ((unsigned char)c < ' ' || c == 127 || c == '\\') return false;
  for (size_t begin = 0; begin <= path.size();) {
    size_t end = std::min(path.find('/', begin), path.size());
    std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part.size() > kMaxComponent || part == "." || part == "..") return false;
    begin = end + 1;
  }
  return true;
}

bool is_safe_etag(std::string_view etag) {
  return !etag.empty() && etag.size() <= 128 && std::all_of(etag.begin(), etag.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

HubListing parse_listing(std::string_view json, const std::string& origin) {
  Json root = parse_json(json, origin);
  JsonObject object(root, origin);
  HubListing listing{.commit = object.string("sha")};
  check_data(is_commit(listing.commit),
             "{}: key \"sha\": expected a commit of 40 hexadecimal digits, found \"{}\"", origin,
             listing.commit.substr(0, 80));
  const Json& siblings = object.at("siblings");
  check_data(siblings.is_array() && siblings.size() <= kMaxFiles,
             "{}: key \"siblings\" must be a list of at most {} files", origin, kMaxFiles);
  std::set<std::string> seen;
  for (const Json& sibling : siblings) {
    listing.files.push_back(read_file_entry(sibling, origin));
    check_data(seen.insert(listing.files.back().path).second, "{}: the file \"{}\" appears twice",
               origin, listing.files.back().path);
  }
  return listing;
}

}  // namespace slm
