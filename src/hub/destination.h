// Where the files of a pulled model go: the shared cache, or a folder of the person's choosing.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "hub/listing.h"
#include "hub/repository.h"

namespace slm {

struct FetchPlaces {
  std::filesystem::path final, partial, lock;  // the whole file, the beginning of it, flock
};

class Destination {
 public:
  virtual ~Destination() = default;
  virtual std::filesystem::path folder() const = 0;  // what a program opens
  virtual FetchPlaces places(const HubFile& file) const = 0;
  // Whether the file of exactly this content is in place already.
  virtual bool has(const HubFile& file) const = 0;
  // Called when the file's content lies at places().final.
  virtual void finish(const HubFile& file) const = 0;
  // Called when every file is there.
  virtual void finish_all() const = 0;
};

// See cache.h.
std::unique_ptr<Destination> cache_destination(const std::filesystem::path& cache,
                                               const HubRepository& repository,
                                               const std::string& commit);

// Plain files under their own names, and beside them DIR/.cache/huggingface/download/PATH.metadata
// (commit, hash and time, a line each) as the huggingface_hub package writes it, so that a second
// pull knows what is there.
std::unique_ptr<Destination> folder_destination(const std::filesystem::path& dir,
                                                const std::string& commit);

}  // namespace slm
