// The cache that all Hugging Face tools share:
//
//   models--ORG--NAME/refs/REVISION             the commit a branch or tag had when last pulled
//   models--ORG--NAME/blobs/ETAG                contents, named by their hash
//   models--ORG--NAME/blobs/ETAG.incomplete     the first part of one
//   models--ORG--NAME/snapshots/COMMIT/PATH     links to blobs: what a program opens
//   .locks/models--ORG--NAME/ETAG.lock          held (flock) by whoever downloads that blob
//
// Source: the guide "Manage huggingface_hub cache-system" of the huggingface_hub documentation.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "hub/repository.h"

namespace slm {

class HubCache {
 public:
  HubCache(const std::filesystem::path& root, const std::string& repository_id);

  std::filesystem::path snapshot(const std::string& commit) const;
  std::filesystem::path blob(const std::string& etag) const;
  std::filesystem::path partial(const std::string& etag) const;  // of a blob
  std::filesystem::path lock(const std::string& etag) const;

  // The commit a revision stands for, as far as the cache knows.
  std::optional<std::string> commit_of(const std::string& revision) const;
  void set_commit(const std::string& revision, const std::string& commit) const;

  // Makes PATH in the snapshot a link to the blob. `path` is relative and clean.
  void link(const std::string& commit, const std::string& path, const std::string& etag) const;

 private:
  std::filesystem::path folder_, locks_;
};

// The folder a program opens for a model that was pulled before, whole or in part.
std::optional<std::filesystem::path> cached_snapshot(const std::filesystem::path& cache,
                                                     const HubRepository& repository);

}  // namespace slm
