// A model from a hub onto this machine.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "hub/repository.h"
#include "hub/settings.h"

namespace slm {

struct PullRequest {
  HubRepository repository;
  std::vector<std::string> include, exclude;  // see selection.h
  std::filesystem::path local_dir;            // empty: into the shared cache
  int parallel = 4;                           // files at a time
};

// Brings every wanted file here, and returns the folder to open. What is here already is kept;
// what a former attempt left is continued. Offline, it only says whether the model is here.
// Progress and waits go to standard error.
std::filesystem::path pull(const HubSettings& settings, const PullRequest& request);

}  // namespace slm
