#include "data/record_reader.h"

#include <glob.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "util/error.h"

namespace slm {
namespace {

bool is_plain_text(const std::string& kind) { return kind == ".txt" || kind == ".md"; }
bool is_parquet(const std::filesystem::path& path) { return path.extension() == ".parquet"; }
bool is_json(const std::string& kind) { return kind == ".json" || kind == ".jsonl"; }

constexpr size_t kChunk = size_t{1} << 18;
constexpr size_t kMaxRecord = size_t{1} << 30;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The extension that tells the layout, behind those of the compression.
std::string extension(std::filesystem::path path) {
  if (path.extension() == ".gz" || path.extension() == ".zst") path.replace_extension();
  return path.extension();
}

bool is_blank(std::string_view line) { return std::all_of(line.begin(), line.end(), is_space); }

}  // namespace

namespace {

using Paths = std::vector<std::filesystem::path>;

// A .md in a folder is about the data: name it to read it.
Paths data_files_in(const std::filesystem::path& directory) {
  Paths files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::string kind = extension(entry.path());
    if (kind == ".txt" || is_json(kind) || is_parquet(entry.path())) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  check(!files.empty(), "{}: no .txt, .json, .jsonl or .parquet files here", directory.string());
  return files;
}

// What a shell would make of `*`, `?` and `[...]`; sorted.
Paths matching(const std::string& pattern) {
  glob_t found{};
  int result = ::glob(pattern.c_str(), GLOB_ERR, nullptr, &found);
  Paths files(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (result != 0) fail(ErrorKind::kNotFound, "{}: no files match this pattern", pattern);
  return files;
}

}  // namespace

std::vector<std::filesystem::path> expand_inputs(const std::vector<std::filesystem::path>& inputs) {
  Paths files;
  for (const auto& input : inputs) {
    bool pattern = input.string().find_first_of("*?[") != std::string::npos;
    Paths named =
        pattern && !std::filesystem::exists(input) ? matching(input.string()) : Paths{input};
    for (const auto& path : named) {
      Paths more = std::filesystem::is_directory(path) ? data_files_in(path) : Paths{path};
      files.insert(files.end(), more.begin(), more.end());
    }
  }
  return files;
}

RecordReader::RecordReader(const std::filesystem::path& path, TextUnit unit,
                           std::span<const std::string> columns)
    : name_(path.string()) {
  std::string kind = extension(path);
  check(
      is_plain_text(kind) || is_json(kind) || is_parquet(path),
      "{}: a text data set is named .parquet, or .txt, .md, .json or .jsonl with or without .gz or "
      ".zst",
      name_);
  if (is_parquet(path)) {
    rows_.emplace(path, columns);
    layout_ = Layout::kParquet;
    return;
  }
  source_.emplace(path);
  fill();
  if (buffer_.starts_with("\xef\xbb\xbf")) at_ = 3;  // byte order mark
  if (is_plain_text(kind)) {
    layout_ = unit == TextUnit::kFile        ? Layout::kFile
              : unit == TextUnit::kParagraph ? Layout::kParagraphs
                                             : Layout::kTextLines;
    return;
  }
  skip_space();
  char c = 0;
  layout_ = peek(c) && c == '[' ? Layout::kJsonArray : Layout::kJsonLines;
  if (layout_ == Layout::kJsonArray) ++at_;
}

bool RecordReader::next(Record& record) {
  switch (layout_) {
    case Layout::kFile:
      return next_whole(record);
    case Layout::kParagraphs:
      return next_paragraph(record);
    case Layout::kJsonArray:
      return next_element(record);
    case Layout::kParquet:
      return next_row(record);
    default:
      break;
  }
  do {
    record.line = line_;
    if (!next_line(record.text)) return false;
  } while (is_blank(record.text));
  record.json = layout_ == Layout::kJsonLines;
  return true;
}

bool RecordReader::fill() {
  buffer_.resize(kChunk);
  buffer_.resize(source_->read(buffer_));
  at_ = 0;
  return !buffer_.empty();
}

bool RecordReader::peek(char& c) {
  if (at_ == buffer_.size() && !fill()) return false;
  c = buffer_[at_];
  return true;
}

void RecordReader::take_into(std::string& text, size_t count) {
  check_data(text.size() + count <= kMaxRecord, "{}:{}: a record of more than {} bytes", name_,
             line_, kMaxRecord);
  text.append(buffer_, at_, count);
  at_ += count;
}

// Without its line end.
bool RecordReader::next_line(std::string& line) {
  line.clear();
  char c;
  if (!peek(c)) return false;
  do {
    size_t end = buffer_.find('\n', at_);
    take_into(line, std::min(end, buffer_.size()) - at_);
    if (end == std::string::npos) continue;
    ++at_;
    break;
  } while (peek(c));
  ++line_;
  if (line.ends_with('\r')) line.pop_back();
  return true;
}

bool RecordReader::next_whole(Record& record) {
  record = {{}, false, 1};
  for (char c; peek(c);) take_into(record.text, buffer_.size() - at_);
  return !std::exchange(done_, true) && !record.text.empty();
}

bool RecordReader::next_paragraph(Record& record) {
  record = {{}, false, line_};
  for (std::string line; next_line(line);) {
    if (!is_blank(line)) {
      if (record.text.empty()) record.line = line_ - 1;
      check_data(record.text.size() + line.size() < kMaxRecord,
                 "{}:{}: a paragraph of more than {} bytes", name_, line_, kMaxRecord);
      record.text += line + '\n';
    } else if (!record.text.empty()) {
      break;
    }
  }
  return !record.text.empty();
}

void RecordReader::skip_space() {
  for (char c; peek(c) && is_space(c); ++at_) line_ += c == '\n';
}

// The text of one array element: up to the comma or bracket that ends it, strings and nesting
// counted. Whether it is valid JSON its parser will say.
bool RecordReader::next_element(Record& record) {
  if (done_) return false;
  skip_space();
  record = {{}, true, line_};
  char c = 0;
  bool in_string = false, escaped = false;
  for (int64_t depth = 0; peek(c); take_into(record.text, 1)) {
    line_ += c == '\n';
    if (in_string) {
      if (!escaped && c == '"') in_string = false;
      escaped = !escaped && c == '\\';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (depth > 0 && (c == ']' || c == '}')) {
      --depth;
    } else if (c == ',' || c == ']') {
      if (depth == 0) break;
    }
  }
  check_data(at_ < buffer_.size(), "{}: the JSON array is cut off", name_);
  ++at_;
  done_ = c == ']';
  if (done_) {
    skip_space();
    check_data(!peek(c), "{}:{}: something follows the JSON array", name_, line_);
  }
  if (done_ && first_ && is_blank(record.text)) return false;  // []
  first_ = false;
  return true;
}

bool RecordReader::next_row(Record& record) {
  record.json = true;
  bool found = rows_->next(record.text);
  record.line = rows_->row();
  return found;
}

}  // namespace slm
