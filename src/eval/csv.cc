#include "eval/csv.h"

#include "util/error.h"

namespace slm {
namespace {

class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& origin) : rest_(text), origin_(origin) {
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);  // byte order mark
  }

  bool next(CsvRow& row) {
    while (!rest_.empty() && at_line_end()) skip_line_end();
    if (rest_.empty()) return false;
    row = {{}, line_};
    do row.fields.push_back(field());
    while (take(','));
    check_data(rest_.empty() || at_line_end(), "{}:{}: expected a comma after a quoted field",
               origin_, line_);
    return true;
  }

 private:
  bool at_line_end() const { return rest_.starts_with('\n') || rest_.starts_with("\r\n"); }
  void skip_line_end() {
    rest_.remove_prefix(rest_[0] == '\r' ? 2 : 1);
    ++line_;
  }
  bool take(char c) {
    bool there = rest_.starts_with(c);
    if (there) rest_.remove_prefix(1);
    return there;
  }

  std::string field() {
    if (take('"')) return quoted();
    size_t end = 0;
    while (end < rest_.size() && rest_[end] != ',' && rest_[end] != '\n') ++end;
    std::string out(rest_.substr(0, end));
    if (out.ends_with('\r')) out.pop_back(), --end;
    rest_.remove_prefix(end);
    return out;
  }

  std::string quoted() {
    const int64_t begin = line_;
    std::string out;
    for (;;) {
      size_t end = rest_.find('"');
      check_data(end != rest_.npos, "{}:{}: a quoted field does not end", origin_, begin);
      for (char c : rest_.substr(0, end)) line_ += c == '\n';
      out += rest_.substr(0, end);
      rest_.remove_prefix(end + 1);
      if (!take('"')) return out;
      out += '"';
    }
  }

  std::string_view rest_;
  const std::string& origin_;
  int64_t line_ = 1;
};

}  // namespace

std::vector<CsvRow> parse_csv(std::string_view text, const std::string& origin) {
  CsvReader reader(text, origin);
  std::vector<CsvRow> rows;
  for (CsvRow row; reader.next(row);) rows.push_back(std::move(row));
  return rows;
}

}  // namespace slm
