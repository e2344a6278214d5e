// Scores that are finished, on disk: a run that was killed goes on where it stopped, and another
// run of the same model does not ask the same again.
//
// One line per score, "<16 hex digits of its SHA-256> <JSON>", appended as scores come; the first
// line says which model and settings they are of. A line that breaks off or is damaged is left out.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "eval/request.h"

namespace slm {

// Of what is asked, whichever task asks it: SHA-256 of [kind, context, continuation], for generated
// text with its limits.
std::string request_key(const Request& request);

// Not thread-safe; one process at a time per file.
class ScoreCache {
 public:
  using Say = std::function<void(const std::string&)>;

  // `model`: a fingerprint of everything that scores depend on. Scores of another model are not
  // lost: their file is renamed to `<name>.old`. `rank`: 0, or of a further process of one job,
  // which reads the file and writes one beside it. What is left out or renamed is said.
  ScoreCache(std::filesystem::path file, std::string model, int rank, const Say& say);
  ~ScoreCache();
  ScoreCache(const ScoreCache&) = delete;
  ScoreCache& operator=(const ScoreCache&) = delete;

  size_t size() const { return scores_.size(); }
  std::optional<Score> find(const std::string& key) const;
  // Kept in memory until flush(). Scores that are no numbers are not kept: they are asked again.
  void add(const std::string& key, const Score& score);
  // Hands all that was added to the system: it survives the end of this process.
  void flush();

 private:
  bool read(const std::filesystem::path& file, bool own, const Say& say);
  void open(const Say& say);

  std::filesystem::path file_;
  std::string model_, pending_;
  std::unordered_map<std::string, Score> scores_;
  int fd_ = -1;
};

}  // namespace slm
