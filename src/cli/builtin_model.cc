#include "cli/builtin_model.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "util/error.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> places() {
  const char* named = std::getenv("STABLELM_BUILTIN_MODEL");
  if (named && *named) return {named};
  std::vector<fs::path> places;
  std::error_code unreadable;
  fs::path program = fs::read_symlink("/proc/self/exe", unreadable);
  if (!unreadable)
    places.push_back(program.parent_path().parent_path() / "share" / "stablelm" / "parrot");
  places.push_back(fs::path(SLM_SOURCE_DIR) / "models" / "parrot");
  return places;
}

}  // namespace

fs::path builtin_model_dir() {
  std::string looked;
  for (const fs::path& place : places()) {
    if (fs::exists(place / "config.json")) return place;
    looked += format("\n  {}", place.string());
  }
  fail(ErrorKind::kNotFound,
       "the built-in model is not here; name a model directory, or set STABLELM_BUILTIN_MODEL. "
       "Looked in:{}",
       looked);
}

}  // namespace slm
