#include "eval/row_file.h"

#include <sstream>

#include "data/record_reader.h"
#include "eval/csv.h"
#include "text/unicode.h"
#include "util/files.h"

namespace slm {
namespace {

Json csv_object(const CsvRow& row, const std::vector<std::string>& keys,
                const std::string& origin) {
  check_data(row.fields.size() == keys.size(), "{}:{}: expected {} fields, found {}", origin,
             row.line, keys.size(), row.fields.size());
  Json out = Json::object();
  for (size_t i = 0; i < keys.size(); ++i) {
    check_data(is_valid_utf8(row.fields[i]), "{}:{}: field {} is not UTF-8", origin, row.line,
               i + 1);
    if (!out.contains(keys[i])) {
      out[keys[i]] = row.fields[i];
      continue;
    }
    Json& value = out[keys[i]];
    if (!value.is_array()) value = Json::array({value});
    value.push_back(row.fields[i]);
  }
  return out;
}

std::vector<Row> csv_rows(const std::filesystem::path& path, std::vector<std::string> keys) {
  std::vector<CsvRow> rows = parse_csv(read_file(path), path.string());
  size_t first = 0;
  if (keys.empty() && !rows.empty()) keys = rows[first++].fields;
  std::vector<Row> out;
  for (size_t i = first; i < rows.size(); ++i)
    out.push_back({csv_object(rows[i], keys, path.string()), rows[i].line});
  return out;
}

std::vector<Row> record_rows(const std::filesystem::path& path) {
  std::vector<Row> out;
  RecordReader reader(path, TextUnit::kFile);
  for (Record record; reader.next(record);) {
    std::string origin = format("{}:{}", path.string(), record.line);
    Json json;
    if (record.json) {
      json = parse_json(record.text, origin);
      JsonObject must_be_an_object(json, origin);
    } else {
      check_data(is_valid_utf8(record.text), "{}: the text is not UTF-8", origin);
      json = {{"text", std::move(record.text)}};
    }
    out.push_back({std::move(json), record.line});
  }
  return out;
}

void add_labels(std::vector<Row>& rows, const std::filesystem::path& file) {
  std::istringstream lines(read_file(file));
  std::vector<std::string> labels;
  for (std::string label; lines >> label;) labels.push_back(label);
  check_data(labels.size() == rows.size(), "{}: {} labels for {} rows", file.string(),
             labels.size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    check_data(is_valid_utf8(labels[i]), "{}:{}: not UTF-8", file.string(), i + 1);
    if (!rows[i].json.contains("label")) rows[i].json["label"] = labels[i];
  }
}

}  // namespace

std::vector<Row> read_rows(const std::filesystem::path& path, const DataSpec& spec) {
  std::vector<Row> rows =
      path.extension() == ".csv" ? csv_rows(path, spec.columns) : record_rows(path);
  std::filesystem::path labels = path.parent_path() / (path.stem().string() + "-labels.lst");
  if (std::filesystem::exists(labels)) add_labels(rows, labels);
  return rows;
}

}  // namespace slm
