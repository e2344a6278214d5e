#include "eval/scoring/score_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "util/digest.h"
#include "util/files.h"
#include "util/json.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

constexpr int kVersion = 1;
constexpr size_t kSumDigits = 16;

std::string sum_of(std::string_view text) {
  return sha256_hex(std::as_bytes(std::span(text))).substr(0, kSumDigits);
}

std::string line_of(const Json& json) {
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return sum_of(text) + " " + text + "\n";
}

// The JSON of a line without its newline; nothing when it is damaged.
std::optional<Json> read_line(std::string_view line) {
  if (line.size() <= kSumDigits + 1 || line[kSumDigits] != ' ') return {};
  std::string_view text = line.substr(kSumDigits + 1);
  if (line.substr(0, kSumDigits) != sum_of(text)) return {};
  return parse_json(text, "a line of the cache");
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

Json header_of(const std::string& model) {
  return {{"stablelm_scores", kVersion}, {"model", model}};
}

std::vector<fs::path> files_of_other_ranks(const fs::path& file) {
  std::vector<fs::path> found;
  fs::path folder = file.parent_path().empty() ? "." : file.parent_path();
  std::string prefix = file.filename().string() + ".rank";
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename().string().starts_with(prefix) && entry.path().extension() != ".old")
      found.push_back(entry.path());
  return found;
}

}  // namespace

std::string request_key(const Request& r) {
  static constexpr const char* kKinds[] = {"loglikelihood", "greedy_until",
                                           "loglikelihood_rolling"};
  Json key = Json::array({kKinds[size_t(r.kind)], r.context, r.continuation});
  if (r.kind == Request::Kind::kGreedyUntil) key.push_back({r.stop, r.max_tokens});
  std::string text = key.dump(-1, ' ', true, Json::error_handler_t::replace);
  return sha256_hex(std::as_bytes(std::span(text)));
}

ScoreCache::ScoreCache(fs::path file, std::string model, int rank, const Say& say)
    : file_(std::move(file)), model_(std::move(model)) {
  if (file_.has_parent_path()) fs::create_directories(file_.parent_path());
  for (const fs::path& other : files_of_other_ranks(file_)) read(other, false, say);
  if (rank > 0) {
    read(file_, false, say);
    file_ += format(".rank{}", rank);
  }
  open(say);
}

ScoreCache::~ScoreCache() {
  if (fd_ >= 0) ::close(fd_);
}

void ScoreCache::open(const Say& say) {
  std::error_code none;
  bool ours = !fs::exists(file_) || fs::file_size(file_, none) == 0 || read(file_, true, say);
  if (!ours) {
    fs::path old = file_;
    old += ".old";
    fs::rename(file_, old);
    say(format("{}: holds scores of another model or other settings; kept as {}, starting anew",
               file_.string(), old.string()));
  }
  fd_ = ::open(file_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (fd_ < 0) fail(ErrorKind::kIo, "{}: {}", file_.string(), std::strerror(errno));
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0)
    fail(ErrorKind::kIo, "{}: another evaluation is writing it; wait for it, or use --no-cache",
         file_.string());
  off_t size = ::lseek(fd_, 0, SEEK_END);
  char last = '\n';
  if (size > 0 && ::pread(fd_, &last, 1, size - 1) == 1 && last != '\n') pending_ += '\n';
  if (size == 0) pending_ += line_of(header_of(model_));
  flush();
}

// Takes over what is whole. False: the scores of another model.
bool ScoreCache::read(const fs::path& file, bool own, const Say& say) {
  if (!fs::exists(file)) return true;
  std::string text = read_file(file);
  std::vector<std::string_view> lines = lines_of(text);
  std::optional<Json> header = lines.empty() ? std::nullopt : read_line(lines[0]);
  if (!header || *header != header_of(model_)) return false;
  size_t damaged = 0;
  for (size_t i = 1; i < lines.size(); ++i) {
    std::optional<Json> json = read_line(lines[i]);
    if (json && json->is_object() && *json == header_of(model_)) continue;
    damaged += !json;
    if (!json) continue;
    JsonObject line(*json, format("{}:{}", file.string(), i + 1));
    Score score{.text = line.string_or("text", "")};
    if (line.has("log_likelihood")) score.log_likelihood = line.number("log_likelihood");
    score.greedy = line.boolean_or("greedy", false);
    scores_[line.string("key")] = score;
  }
  if (own && damaged > 0)
    say(format("{}: {} of {} lines are incomplete or damaged; those scores are computed again",
               file.string(), damaged, lines.size()));
  return true;
}

std::optional<Score> ScoreCache::find(const std::string& key) const {
  auto it = scores_.find(key);
  return it == scores_.end() ? std::nullopt : std::optional(it->second);
}

void ScoreCache::add(const std::string& key, const Score& score) {
  if (!std::isfinite(score.log_likelihood) || !scores_.emplace(key, score).second) return;
  Json line{{"key", key}, {"log_likelihood", score.log_likelihood}, {"greedy", score.greedy}};
  if (!score.text.empty()) line["text"] = score.text;
  pending_ += line_of(line);
}

void ScoreCache::flush() {
  std::string_view rest = pending_;
  while (!rest.empty()) {
    ssize_t n = ::write(fd_, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(ErrorKind::kIo, "{}: {}", file_.string(), std::strerror(errno));
    rest.remove_prefix(size_t(n));
  }
  pending_.clear();
}

}  // namespace slm
