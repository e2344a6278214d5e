#include "data/parquet/rows.h"

#include <algorithm>
#include <cmath>

#include "util/checked.h"
#include "util/json.h"
#include "util/nearest_name.h"

namespace slm {
namespace {

// As a JSON string. Bytes from 0x80 stay as they are.
void write_text(std::string_view text, std::string& out) {
  out += '"';
  for (char c : text) {
    if (c == '"' || c == '\\')
      out += '\\', out += c;
    else if (c == '\n')
      out += "\\n";
    else if (static_cast<unsigned char>(c) < 0x20)
      out += format("\\u{:04x}", int(c));
    else
      out += c;
  }
  out += '"';
}

void write_number(double value, std::string& out) {
  out += std::isfinite(value) ? Json(value).dump() : "null";
}

void keep_columns(std::vector<ParquetNode>& fields, std::span<const std::string> columns,
                  const std::string& file) {
  if (columns.empty()) return;
  std::vector<std::string_view> names;
  for (const ParquetNode& f : fields) names.push_back(f.name);
  for (const std::string& wanted : columns) {
    if (std::find(names.begin(), names.end(), wanted) != names.end()) continue;
    std::string nearest = nearest_name(wanted, names);
    fail(ErrorKind::kInvalid, "{}: no column \"{}\"{}; it has {}", file, wanted,
         nearest.empty() ? "" : format(", did you mean \"{}\"?", nearest), fmt::join(names, ", "));
  }
  std::erase_if(fields, [&](const ParquetNode& f) {
    return std::find(columns.begin(), columns.end(), f.name) == columns.end();
  });
}

template <class Visit>
void each_leaf(const ParquetNode& node, const Visit& visit) {
  if (node.kind == ParquetNode::Kind::kLeaf) visit(node);
  for (const ParquetNode& child : node.children) each_leaf(child, visit);
}

}  // namespace

ParquetRows::ParquetRows(const std::filesystem::path& path, std::span<const std::string> columns)
    : ParquetRows(MappedFile::open(path), columns) {}

ParquetRows::ParquetRows(std::shared_ptr<const MappedFile> mapped,
                         std::span<const std::string> columns)
    : ParquetRows(mapped->bytes(), mapped->path().string(), columns) {
  mapped_ = std::move(mapped);
}

ParquetRows::ParquetRows(std::span<const std::byte> file, std::string name,
                         std::span<const std::string> columns)
    : file_(file),
      name_(std::move(name)),
      footer_(parse_parquet_footer(file, name_)),
      schema_(read_parquet_schema(footer_.schema, name_)) {
  keep_columns(schema_.fields, columns, name_);
  int64_t rows = 0;
  for (const ParquetGroup& g : footer_.groups) {
    check_data(g.chunks.size() == schema_.leaves.size(),
               "{}: a row group of {} columns in a file of {}", name_, g.chunks.size(),
               schema_.leaves.size());
    rows = checked_add(rows, g.rows, name_);
  }
  check_data(rows == footer_.rows, "{}: {} rows in all, but {} in its groups", name_, footer_.rows,
             rows);
}

int64_t ParquetRows::consumed() const {
  if (group_ == footer_.groups.size() && left_ == 0) return int64_t(file_.size());
  int64_t bytes = 0;
  for (size_t g = 0; g < group_; ++g)
    for (const ParquetChunk& c : footer_.groups[g].chunks) bytes += c.bytes;
  return bytes;
}

bool ParquetRows::open_group() {
  for (const auto& open : columns_)
    check_data(!open || open->at_end(), "{}: more values than rows before row {}", name_, row_ + 1);
  columns_.clear();
  if (group_ == footer_.groups.size()) return false;
  const ParquetGroup& group = footer_.groups[group_++];
  columns_.resize(schema_.leaves.size());
  left_ = group.rows;
  for (const ParquetNode& field : schema_.fields)
    each_leaf(field, [&](const ParquetNode& leaf) {
      columns_[leaf.column] = std::make_unique<ParquetColumn>(file_, group.chunks[leaf.column],
                                                              schema_.leaves[leaf.column], name_);
    });
  return true;
}

bool ParquetRows::next(std::string& json) {
  while (left_ == 0)
    if (!open_group()) return false;
  --left_, ++row_;
  json.clear();
  write_fields(schema_.fields, json);
  for (const auto& open : columns_)
    check_data(!open || open->repetition() == 0, "{}: row {} has values of two lengths", name_,
               row_);
  return true;
}

void ParquetRows::write_fields(std::span<const ParquetNode> fields, std::string& out) {
  out += '{';
  for (const ParquetNode& field : fields) {
    if (out.back() != '{') out += ',';
    write_text(field.name, out);
    out += ':';
    write(field, out);
  }
  out += '}';
}

void ParquetRows::write(const ParquetNode& node, std::string& out) {
  if (node.optional && column(node).definition() < node.definition) {
    pass_over(node);
    out += "null";
  } else if (node.kind == ParquetNode::Kind::kStruct) {
    write_fields(node.children, out);
  } else if (node.kind == ParquetNode::Kind::kList) {
    write_list(node, out);
  } else {
    write_leaf(node, out);
  }
}

void ParquetRows::write_list(const ParquetNode& node, std::string& out) {
  out += '[';
  if (column(node).definition() <= node.definition) {
    pass_over(node);
  } else {
    do {
      if (out.back() != '[') out += ',';
      write(node.children[0], out);
    } while (column(node).repetition() == node.repetition);
  }
  out += ']';
}

// One entry of every leaf below says that there is nothing.
void ParquetRows::pass_over(const ParquetNode& node) {
  each_leaf(node, [&](const ParquetNode& leaf) { column(leaf).advance(); });
}

void ParquetRows::write_leaf(const ParquetNode& node, std::string& out) {
  ParquetColumn& from = column(node);
  const ParquetValue& value = from.value();
  if (auto* text = std::get_if<std::string_view>(&value)) {
    if (node.meaning == ParquetMeaning::kText)
      write_text(*text, out);
    else
      out += Json(*text).dump(-1, ' ', false, Json::error_handler_t::replace);
  } else if (auto* flag = std::get_if<bool>(&value)) {
    out += *flag ? "true" : "false";
  } else if (auto* real = std::get_if<double>(&value)) {
    write_number(*real, out);
  } else {
    int64_t integer = std::get<int64_t>(value);
    if (node.meaning == ParquetMeaning::kDecimal)
      write_number(double(integer) * std::pow(10, -double(node.scale)), out);
    else if (node.meaning == ParquetMeaning::kUnsigned)
      out += format("{}", node.narrow ? uint64_t(uint32_t(integer)) : uint64_t(integer));
    else
      out += format("{}", integer);
  }
  from.advance();
}

}  // namespace slm
