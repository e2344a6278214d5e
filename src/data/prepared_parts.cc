#include "data/prepared_parts.h"

#include <cmath>
#include <utility>

#include "data/merge.h"
#include "util/error.h"
#include "util/files.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

constexpr int kVersion = 1;
constexpr const char* kSuffixes[] = {".bin", ".idx"};

fs::path with(fs::path path, const std::string& suffix) { return path += suffix; }

Json to_json(const PrepareCounts& c) {
  return {{"input_bytes", c.input_bytes},
          {"records", c.records},
          {"dropped", c.dropped},
          {"documents", c.documents},
          {"tokens", c.tokens},
          {"valid_documents", c.valid_documents},
          {"valid_tokens", c.valid_tokens}};
}

PrepareCounts counts_of(const JsonObject& j) {
  constexpr int64_t kMost = int64_t{1} << 60;
  auto number = [&](const char* key) { return j.integer(key, 0, kMost); };
  return {.input_bytes = number("input_bytes"),
          .records = number("records"),
          .dropped = number("dropped"),
          .documents = number("documents"),
          .tokens = number("tokens"),
          .valid_documents = number("valid_documents"),
          .valid_tokens = number("valid_tokens")};
}

}  // namespace

PreparedParts::PreparedParts(std::vector<PreparedFile> files, const PrepareOptions& options,
                             Json job)
    : files_(std::move(files)),
      options_(options),
      job_(std::move(job)),
      journal_(with(options.output, ".prepare.json")),
      documents_(files_.size() / (has_valid() ? 2 : 1)) {
  if (options.output.has_parent_path()) fs::create_directories(options.output.parent_path());
  bool resumed = read_journal();
  if (resumed && options.restart) {
    remove_parts();
    fs::remove(journal_);
    parts_ = 0;
    counts_ = {};
    position_ = {};
    documents_.assign(documents_.size(), 0);
  }
}

bool PreparedParts::read_journal() {
  if (!fs::exists(journal_)) return false;
  Json json = read_json_file(journal_);
  JsonObject journal(json, journal_.string());
  check(journal.at("job") == job_ || options_.restart,
        "{}: a preparation of other inputs or with other options is unfinished here; finish it by "
        "its "
        "own command, or give --restart to begin anew",
        journal_.string());
  parts_ = journal.integer("parts", 0, int64_t{1} << 30);
  JsonObject counts(journal.at("counts"), journal_.string());
  counts_ = counts_of(counts);
  position_ = {journal.integer("file"), journal.integer("records")};
  const Json& documents = journal.at("documents");
  check_data(documents.is_array() && (documents.size() == documents_.size() || options_.restart),
             "{}: \"documents\" must be {} numbers", journal_.string(), documents_.size());
  for (size_t i = 0; i < documents_.size() && i < documents.size(); ++i)
    documents_[i] = documents[i].get<int64_t>();
  return true;
}

fs::path PreparedParts::part_prefix(const PreparedFile& file, int64_t part) const {
  return with(file.prefix, format(".part-{:05}", part));
}

void PreparedParts::open_part() {
  for (const PreparedFile& f : files_)
    writers_.emplace_back(part_prefix(f, parts_), f.type, f.content);
}

void PreparedParts::close_part() {
  if (writers_.empty()) return;
  for (TokenFileWriter& writer : writers_) writer.commit();
  writers_.clear();
  ++parts_;
  write_file_atomically(journal_, Json{{"version", kVersion},
                                       {"job", job_},
                                       {"parts", parts_},
                                       {"file", position_.file},
                                       {"records", position_.records},
                                       {"documents", documents_},
                                       {"counts", to_json(counts_)}}
                                      .dump(1));
}

// Validation is spread evenly, so that every part of the input is validated on, and by number, so
// that the split does not depend on the machine.
void PreparedParts::add_document(size_t output, const Document& document) {
  double number = double(documents_[output]++), fraction = options_.valid_fraction;
  bool valid = std::floor((number + 1) * fraction) > std::floor(number * fraction);
  writers_[has_valid() ? 2 * output + valid : output].add(document);
  if (files_[has_valid() ? 2 * output : output].content == TokenFileWriter::Content::kLabels)
    return;
  ++(valid ? counts_.valid_documents : counts_.documents);
  (valid ? counts_.valid_tokens : counts_.tokens) += int64_t(document.size());
}

void PreparedParts::add(const EncodedBatch& batch) {
  if (writers_.empty()) open_part();
  for (size_t output = 0; output < batch.documents.size(); ++output)
    for (const Document& document : batch.documents[output]) add_document(output, document);
  counts_.records += batch.records;
  counts_.dropped += batch.dropped;
  counts_.input_bytes = batch.input_bytes;
  position_ = batch.end;
  int64_t tokens = 0;
  for (const TokenFileWriter& writer : writers_) tokens += writer.tokens();
  if (tokens >= (options_.shard_tokens > 0 ? options_.shard_tokens : options_.part_tokens))
    close_part();
}

// Also when an earlier process was killed halfway through it.
void PreparedParts::move_part(const PreparedFile& file, int64_t part, const fs::path& to) const {
  fs::path from = part_prefix(file, part);
  if (fs::exists(with(from, ".bin"))) fs::remove(with(to, ".idx"));
  for (const char* suffix : kSuffixes)
    if (fs::exists(with(from, suffix))) fs::rename(with(from, suffix), with(to, suffix));
}

void PreparedParts::join(const PreparedFile& file,
                         const std::function<void(int64_t, int64_t)>& joining) const {
  if (parts_ == 1) return move_part(file, 0, file.prefix);
  std::vector<fs::path> parts;
  for (int64_t p = 0; p < parts_; ++p) parts.push_back(part_prefix(file, p));
  merge_token_files(parts, file.prefix, joining);
}

// Whole ones, and what killed processes left of others.
void PreparedParts::remove_parts() const {
  for (const PreparedFile& file : files_) {
    fs::path folder = file.prefix.has_parent_path() ? file.prefix.parent_path() : ".";
    std::string start = with(file.prefix.filename(), ".part-").string();
    std::vector<fs::path> parts;
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.path().filename().string().starts_with(start)) parts.push_back(entry.path());
    for (const fs::path& part : parts) fs::remove(part);
  }
}

void PreparedParts::finish(const std::function<void(int64_t, int64_t)>& joining) {
  check_data(counts_.documents > 0, "[prepare] the inputs hold no text");
  close_part();
  for (const PreparedFile& file : files_) {
    if (options_.shard_tokens == 0) join(file, joining);
    for (int64_t p = 0; options_.shard_tokens > 0 && p < parts_; ++p)
      move_part(file, p, with(file.prefix, format("-{:05}", p)));
  }
  fs::remove(journal_);
  remove_parts();
}

}  // namespace slm
