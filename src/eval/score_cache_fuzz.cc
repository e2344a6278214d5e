// Any lines in a cache of scores, damaged ones and, behind a right sum, whatever JSON they hold:
// what is no score is left out or refused with an Error, and the cache goes on.
#include <unistd.h>

#include <cstdlib>

#include "eval/scoring/score_cache.h"
#include "util/digest.h"
#include "util/error.h"
#include "util/files.h"

namespace {

namespace fs = std::filesystem;

struct Folder {
  fs::path path = fs::temp_directory_path() / slm::format("score_cache_fuzz_{}", ::getpid());
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
};

std::string summed(std::string_view text) {
  return slm::sha256_hex(std::as_bytes(std::span(text))).substr(0, 16) + " " + std::string(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Folder folder;
  fs::path file = folder.path / "scores";
  fs::remove(file);
  auto silent = [](const std::string&) {};
  try {
    slm::ScoreCache(file, "model", 0, silent);  // its header
    std::string text = slm::read_file(file);
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    for (bool sum = false; !rest.empty(); sum = !sum) {
      std::string_view line = rest.substr(0, rest.find('\n'));
      text += (sum ? summed(line) : std::string(line)) + "\n";
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
    slm::write_file_atomically(file, text);
    {
      slm::ScoreCache cache(file, "model", 0, silent);
      cache.add("new", {.log_likelihood = -1});
      cache.flush();
    }
    if (!slm::ScoreCache(file, "model", 0, silent).find("new")) std::abort();
  } catch (const slm::Error&) {
  }
  return 0;
}
