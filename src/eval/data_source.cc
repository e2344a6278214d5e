#include "eval/data_source.h"

#include <algorithm>

#include "util/error.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

struct SplitNames {
  Split split;
  std::vector<std::string_view> names;  // the first is the one shown
};

const std::vector<SplitNames>& split_names() {
  static const std::vector<SplitNames> kNames{{Split::kTrain, {"train"}},
                                              {Split::kValidation, {"validation", "valid", "val"}},
                                              {Split::kTest, {"test"}},
                                              {Split::kDev, {"dev"}}};
  return kNames;
}

std::optional<Split> split_from_name(std::string_view name) {
  for (const SplitNames& s : split_names())
    if (std::find(s.names.begin(), s.names.end(), name) != s.names.end()) return s.split;
  return {};
}

constexpr const char* kKinds[] = {".jsonl",     ".json",    ".parquet",  ".csv", ".jsonl.gz",
                                  ".jsonl.zst", ".json.gz", ".json.zst", ".txt"};

// A file `base` with any of the kinds, or the numbered parts of a split that the Hub serves.
std::vector<fs::path> with_kind(const fs::path& base) {
  for (const char* kind : kKinds)
    if (fs::path path = base.string() + kind; fs::is_regular_file(path)) return {path};
  std::vector<fs::path> parts;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(base.parent_path(), absent)) {
    std::string name = entry.path().filename();
    if (name.starts_with(base.filename().string() + "-") && name.ends_with(".parquet") &&
        name.find("-of-") != name.npos)
      parts.push_back(entry.path());
  }
  std::sort(parts.begin(), parts.end());
  return parts;
}

// Names without kind, the likeliest first. `own`: the folder holds this task's files only.
std::vector<fs::path> candidates(const Task& task, Split split, const fs::path& root, bool own) {
  std::vector<std::string> stems{task.name};
  stems.insert(stems.end(), task.data.names.begin(), task.data.names.end());
  const auto& all = split_names();
  const auto& names = std::find_if(all.begin(), all.end(), [&](const SplitNames& s) {
                        return s.split == split;
                      })->names;
  std::vector<fs::path> out;
  for (const std::string& stem : stems) {
    for (std::string_view name : names)
      for (char joint : {'_', '-', '.', '/'})
        out.push_back(root / format("{}{}{}", stem, joint, name));
    if (split == task.evaluated) out.push_back(root / stem);
  }
  if (own)
    for (std::string_view name : names) out.push_back(root / std::string(name));
  return out;
}

std::vector<fs::path> files_below(const Task& task, Split split, const fs::path& root, bool own) {
  for (const fs::path& base : candidates(task, split, root, own))
    if (auto files = with_kind(base); !files.empty()) return files;
  auto release = task.data.release.find(split);
  if (release == task.data.release.end()) return {};
  for (const std::string& name : release->second)
    for (const fs::path& path : {root / name, root / fs::path(name).filename()})
      for (const char* packed : {"", ".gz", ".zst"}) {
        bool bare = path.parent_path() == root && fs::path(name).has_parent_path();
        fs::path file = path.string() + packed;
        // "dev.jsonl" alone could be anybody's.
        if ((own || !bare) && fs::is_regular_file(file)) return {file};
      }
  return {};
}

[[noreturn]] void report_missing(const Task& task, Split split, std::string_view where) {
  std::string release;
  if (auto it = task.data.release.find(split); it != task.data.release.end())
    release = format(" The release file {} is read too.", it->second[0]);
  fail(ErrorKind::kNotFound,
       "{0}: no file for its {1} split in {2}. It is the {1} split of {3}: save it there as "
       "{0}_{1}.jsonl (or .json, .parquet; .jsonl.gz, .jsonl.zst), rows like {4}{5} A file of any "
       "name: --data {0}:{1}=FILE",
       task.name, split_name(split), where, task.data.dataset, task.data.row, release);
}

// Whether a row of a file for several tasks is this one's.
bool belongs(const Task& task, const JsonObject& row, const fs::path& file) {
  const DataSpec& data = task.data;
  if (data.filter_key.empty()) return true;
  if (row.has(data.filter_key)) return row.string(data.filter_key) == data.filter_value;
  check_data(file.string().find(data.filter_value) != std::string::npos,
             "{}: key \"{}\" is missing; it says whose row this is", row.origin(), data.filter_key);
  return true;
}

}  // namespace

std::string_view split_name(Split split) {
  for (const SplitNames& s : split_names())
    if (s.split == split) return s.names[0];
  return "?";
}

RowSource::RowSource(std::span<const std::string> places) {
  for (const std::string& text : places) {
    Place place;
    size_t equals = text.find('=');
    bool named = equals != text.npos && !fs::exists(text);
    place.path = named ? text.substr(equals + 1) : text;
    if (named) {
      std::string name = text.substr(0, equals);
      size_t colon = name.find(':');
      if (colon != name.npos) {
        place.split = split_from_name(name.substr(colon + 1));
        check(place.split.has_value(), "--data {}: a split is train, validation, test or dev",
              text);
      }
      place.task = name.substr(0, colon);
    }
    if (!fs::exists(place.path))
      fail(ErrorKind::kNotFound, "--data {}: {} does not exist", text, place.path.string());
    places_.push_back(std::move(place));
  }
}

std::vector<fs::path> RowSource::files(const Task& task, Split split) const {
  for (const Place& place : places_) {
    if (!place.task.empty() && place.task != task.name) continue;
    if (place.split && place.split != split) continue;
    const bool directory = fs::is_directory(place.path), own = !place.task.empty();
    if (directory) {
      if (auto files = files_below(task, split, place.path, own); !files.empty()) return files;
    } else if (own) {
      if (place.split || split == task.evaluated) return {place.path};
    } else {
      auto files = files_below(task, split, place.path.parent_path(), false);
      if (files == std::vector{place.path}) return files;
      if (task.data.plain_text && place.path.extension() == ".txt") return {place.path};
    }
  }
  auto own = task.data.files.find(split);
  if (own == task.data.files.end()) return {};
  return {own->second};
}

std::shared_ptr<const std::vector<Row>> RowSource::rows(const fs::path& file,
                                                        const DataSpec& spec) const {
  if (auto it = shared_.find(file); it != shared_.end()) return it->second;
  auto rows = std::make_shared<const std::vector<Row>>(read_rows(file, spec));
  if (!spec.filter_key.empty()) shared_[file] = rows;
  return rows;
}

std::vector<Document> RowSource::documents(const Task& task, Split split) const {
  std::vector<std::string> where;
  for (const Place& place : places_) where.push_back(place.path.string());
  std::vector<fs::path> all = files(task, split);
  check(!all.empty() || !where.empty(), "{}: --data must name the directory or file with its rows",
        task.name);
  if (all.empty()) report_missing(task, split, format("{}", fmt::join(where, ", ")));
  std::vector<Document> out;
  for (const fs::path& file : all) {
    auto file_rows = rows(file, task.data);
    for (const Row& row : *file_rows) {
      JsonObject object(row.json, format("{}:{}", file.string(), row.line));
      try {
        if (belongs(task, object, file)) out.push_back(task.document(object));
      } catch (const Error& e) {
        fail(e.kind(), "{}. A row of {} looks like {}", e.what(), task.name, task.data.row);
      }
    }
  }
  check_data(!out.empty(), "{}: no rows for {}", all[0].string(), task.name);
  return out;
}

}  // namespace slm
