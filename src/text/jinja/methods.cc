// Methods of Python's strings, lists and dicts, and the functions every template has.
#include <utf8proc.h>

#include <algorithm>

#include "text/jinja/builtins.h"
#include "text/jinja/operators.h"
#include "text/unicode.h"
#include "util/error.h"

namespace slm::jinja {
namespace {

// The white space of Python's str.isspace().
bool is_space(char32_t c) { return char_class(c) == CharClass::kSpace || (c >= 0x1C && c <= 0x1F); }

char32_t character_at(const Text& text, size_t i) {
  int length;
  return decode_valid(text.str().data() + i, length);
}

Text map_characters(const Text& text, utf8proc_int32_t (*change)(utf8proc_int32_t)) {
  Text out;
  std::vector<size_t> at = characters(text);
  for (size_t i = 0; i + 1 < at.size(); ++i) {
    std::string changed;
    append_utf8(changed, char32_t(change(utf8proc_int32_t(character_at(text, at[i])))));
    out += Text(std::move(changed), text.outside(at[i]));
  }
  return out;
}

// Keeps what a text is cut into within bounds.
void add_part(std::vector<Value>& parts, Text part) {
  constexpr size_t kMaxParts = 1 << 20;
  check(parts.size() < kMaxParts, "a string in more than {} parts", kMaxParts);
  parts.emplace_back(std::move(part));
}

const Text& text_argument(const Arguments& a, size_t place, std::string_view what) {
  check(place < a.values.size(), "{} needs {} arguments", what, place + 1);
  return to_text(a.values[place], what);
}

Value strip_both(const Value& o, const Arguments& a) {
  return Value(strip(*o.text(), a.find(0, "chars"), true, true));
}
Value strip_left(const Value& o, const Arguments& a) {
  return Value(strip(*o.text(), a.find(0, "chars"), true, false));
}
Value strip_right(const Value& o, const Arguments& a) {
  return Value(strip(*o.text(), a.find(0, "chars"), false, true));
}
Value upper_case(const Value& o, const Arguments&) { return Value(upper(*o.text())); }
Value lower_case(const Value& o, const Arguments&) { return Value(lower(*o.text())); }
Value capitalize(const Value& o, const Arguments&) { return Value(capitalized(*o.text())); }

Value title(const Value& o, const Arguments&) {
  const Text& text = *o.text();
  Text out;
  std::vector<size_t> at = characters(text);
  bool inside = false;  // a word
  for (size_t i = 0; i + 1 < at.size(); ++i) {
    Text c = text.sub(at[i], at[i + 1]);
    out += inside ? lower(c) : upper(c);
    inside = char_class(character_at(text, at[i])) == CharClass::kLetter;
  }
  return Value(std::move(out));
}

// Whether a test of one string holds for the argument, or for one of a tuple of them.
template <class Holds>
Value any_of(const Arguments& a, std::string_view what, Holds&& holds) {
  check(!a.values.empty(), "{} needs an argument", what);
  const List* list = a.values[0].list();
  if (!list) return Value(holds(to_text(a.values[0], what).str()));
  return Value(std::ranges::any_of(list->items,
                                   [&](const Value& v) { return holds(to_text(v, what).str()); }));
}
Value startswith(const Value& o, const Arguments& a) {
  return any_of(a, "startswith",
                [&](const std::string& s) { return o.text()->str().starts_with(s); });
}
Value endswith(const Value& o, const Arguments& a) {
  return any_of(a, "endswith", [&](const std::string& s) { return o.text()->str().ends_with(s); });
}

// The words of a text; with `most` words cut off, the rest is the last one.
std::vector<Value> split_at_space(const Text& text, int64_t most) {
  std::vector<Value> out;
  std::vector<size_t> at = characters(text);
  size_t i = 0, n = at.size() - 1;
  auto skip = [&](bool space) {
    while (i < n && is_space(character_at(text, at[i])) == space) ++i;
  };
  for (skip(true); i < n && most-- != 0; skip(true)) {
    size_t from = i;
    skip(false);
    add_part(out, text.sub(at[from], at[i]));
  }
  if (i < n) add_part(out, strip(text.sub(at[i], text.size()), nullptr, false, true));
  return out;
}

Value split(const Value& o, const Arguments& a) {
  const Value *by = a.find(0, "sep"), *limit = a.find(1, "maxsplit");
  int64_t most = limit ? to_integer(*limit, "split") : -1;
  const Text& text = *o.text();
  if (!by || by->is_none()) {
    return make_list(split_at_space(text, most < 0 ? INT64_MAX : most));
  }
  const std::string& separator = to_text(*by, "split").str();
  check(!separator.empty(), "split: the separator is empty");
  std::vector<Value> out;
  size_t from = 0;
  for (size_t at; most != 0 && (at = text.str().find(separator, from)) != std::string::npos;
       from = at + separator.size(), --most) {
    add_part(out, text.sub(from, at));
  }
  add_part(out, text.sub(from, text.size()));
  return make_list(std::move(out));
}

Value rsplit(const Value& o, const Arguments& a) {
  const Value *by = a.find(0, "sep"), *limit = a.find(1, "maxsplit");
  if (!limit || !by || by->is_none()) {
    check(!limit, "rsplit with maxsplit needs a separator");
    return split(o, a);
  }
  int64_t most = to_integer(*limit, "rsplit");
  const Text& text = *o.text();
  const std::string& separator = to_text(*by, "rsplit").str();
  check(!separator.empty(), "rsplit: the separator is empty");
  std::vector<Value> out;
  size_t end = text.size();
  for (size_t at; most != 0 && end >= separator.size() &&
                  (at = text.str().rfind(separator, end - separator.size())) != std::string::npos;
       end = at, --most) {
    add_part(out, text.sub(at + separator.size(), end));
  }
  add_part(out, text.sub(0, end));
  std::ranges::reverse(out);
  return make_list(std::move(out));
}

Value splitlines(const Value& o, const Arguments&) {
  const Text& text = *o.text();
  std::vector<Value> out;
  for (size_t from = 0; from < text.size();) {
    size_t end = std::min(text.str().find_first_of("\r\n", from), text.size());
    add_part(out, text.sub(from, end));
    from = end + (text.str().compare(end, 2, "\r\n") == 0 ? 2 : 1);
  }
  return make_list(std::move(out));
}

Value replace(const Value& o, const Arguments& a) {
  const Value* most = a.find(2, "count");
  return Value(replaced(*o.text(), text_argument(a, 0, "replace"), text_argument(a, 1, "replace"),
                        most ? to_integer(*most, "replace") : -1));
}

Value find(const Value& o, const Arguments& a) {
  size_t at = o.text()->str().find(text_argument(a, 0, "find").str());
  if (at == std::string::npos) return Value(int64_t{-1});
  return Value(int64_t(characters(o.text()->sub(0, at)).size()) - 1);
}

Value count(const Value& o, const Arguments& a) {
  const std::string& what = text_argument(a, 0, "count").str();
  if (what.empty()) return Value(length(o) + 1);
  int64_t n = 0;
  for (size_t at = 0; (at = o.text()->str().find(what, at)) != std::string::npos;
       at += what.size()) {
    ++n;
  }
  return Value(n);
}

Value join(const Value& o, const Arguments& a) {
  check(!a.values.empty(), "join needs a list");
  Text out;
  bool first = true;
  for (const Value& v : elements(a.values[0])) {
    if (!first) out += *o.text();
    first = false;
    out += to_text(v, "join");
    check(out.size() < (1 << 24), "join makes too long a string");
  }
  return Value(std::move(out));
}

Value removeprefix(const Value& o, const Arguments& a) {
  const std::string& s = text_argument(a, 0, "removeprefix").str();
  const Text& t = *o.text();
  return Value(t.str().starts_with(s) ? t.sub(s.size(), t.size()) : t);
}
Value removesuffix(const Value& o, const Arguments& a) {
  const std::string& s = text_argument(a, 0, "removesuffix").str();
  const Text& t = *o.text();
  return Value(t.str().ends_with(s) ? t.sub(0, t.size() - s.size()) : t);
}

template <class Holds>
Value all_characters(const Value& o, Holds&& holds) {
  std::vector<size_t> at = characters(*o.text());
  bool all = at.size() > 1;
  for (size_t i = 0; i + 1 < at.size(); ++i) all = all && holds(character_at(*o.text(), at[i]));
  return Value(all);
}
Value isdigit(const Value& o, const Arguments&) {
  return all_characters(
      o, [](char32_t c) { return utf8proc_category(int32_t(c)) == UTF8PROC_CATEGORY_ND; });
}
Value isalpha(const Value& o, const Arguments&) {
  return all_characters(o, [](char32_t c) { return char_class(c) == CharClass::kLetter; });
}
Value isspace(const Value& o, const Arguments&) { return all_characters(o, is_space); }

Value items(const Value& o, const Arguments&) {
  std::vector<Value> out;
  for (const auto& [k, v] : o.dict()->items) out.push_back(make_list({Value(k), v}, true));
  return make_list(std::move(out));
}
Value keys(const Value& o, const Arguments&) { return make_list(elements(o)); }
Value values(const Value& o, const Arguments&) {
  std::vector<Value> out;
  for (const auto& entry : o.dict()->items) out.push_back(entry.second);
  return make_list(std::move(out));
}
Value get(const Value& o, const Arguments& a) {
  check(!a.values.empty(), "get needs a key");
  const Value* found = a.values[0].text() ? o.dict()->find(a.values[0].text()->str()) : nullptr;
  if (found) return *found;
  return a.values.size() > 1 ? a.values[1] : Value(None{});
}

Value index(const Value& o, const Arguments& a) {
  check(!a.values.empty(), "index needs a value");
  const std::vector<Value>& all = o.list()->items;
  for (size_t i = 0; i < all.size(); ++i) {
    if (equal(all[i], a.values[0])) return Value(int64_t(i));
  }
  fail(ErrorKind::kInvalid, "index: the value is not in the list");
}

Value count_items(const Value& o, const Arguments& a) {
  check(!a.values.empty(), "count needs a value");
  return Value(int64_t(std::ranges::count_if(
      o.list()->items, [&](const Value& v) { return equal(v, a.values[0]); })));
}

struct NamedMethod {
  std::string_view name;
  Method method;
};
constexpr NamedMethod kTextMethods[] = {
    {"strip", strip_both},
    {"lstrip", strip_left},
    {"rstrip", strip_right},
    {"upper", upper_case},
    {"lower", lower_case},
    {"capitalize", capitalize},
    {"title", title},
    {"startswith", startswith},
    {"endswith", endswith},
    {"split", split},
    {"rsplit", rsplit},
    {"splitlines", splitlines},
    {"replace", replace},
    {"find", find},
    {"count", count},
    {"join", join},
    {"removeprefix", removeprefix},
    {"removesuffix", removesuffix},
    {"isdigit", isdigit},
    {"isalpha", isalpha},
    {"isspace", isspace},
};
constexpr NamedMethod kDictMethods[] = {
    {"items", items}, {"keys", keys}, {"values", values}, {"get", get}};
constexpr NamedMethod kListMethods[] = {{"index", index}, {"count", count_items}};

// --- functions ---

Value range(Machine& m, const Arguments& a) {
  check(!a.values.empty() && a.values.size() <= 3, "range takes 1 to 3 numbers");
  int64_t from = 0, to = to_integer(a.values[0], "range"), step = 1;
  if (a.values.size() > 1) from = to, to = to_integer(a.values[1], "range");
  if (a.values.size() > 2) step = to_integer(a.values[2], "range");
  check(step != 0, "range: the step is 0");
  std::vector<Value> out;
  for (int64_t i = from; step > 0 ? i < to : i > to;) {
    m.spend(64);
    out.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return make_list(std::move(out));
}

Dict named_values(const Arguments& a) {
  Dict out;
  for (const Value& v : a.values) {
    check(v.dict() != nullptr, "expected names with values, found a {}", v.type_name());
    for (const auto& [k, item] : v.dict()->items) out.set(k, item);
  }
  for (const auto& [name, value] : a.named) out.set(Text(name), value);
  return out;
}
Value dict(Machine&, const Arguments& a) { return make_dict(named_values(a)); }
Value make_space(Machine& m, const Arguments& a) { return m.make_namespace(named_values(a)); }

Value raise_exception(Machine&, const Arguments& a) {
  fail(ErrorKind::kInvalid, "{}", a.values.empty() ? "raise_exception" : a.values[0].str().str());
}

Value strftime_now(Machine& m, const Arguments& a) {
  const std::string& form = text_argument(a, 0, "strftime_now").str();
  std::time_t now = m.now();
  std::tm parts{};
  localtime_r(&now, &parts);
  char buffer[256];
  return Value(Text(replace_invalid_utf8(
      std::string(buffer, std::strftime(buffer, sizeof buffer, form.c_str(), &parts)))));
}

}  // namespace

Text strip(const Text& text, const Value* chars, bool left, bool right) {
  std::u32string set;
  bool given = chars && !chars->is_none();
  if (given) {
    const Text& list = to_text(*chars, "strip");
    std::vector<size_t> at = characters(list);
    for (size_t i = 0; i + 1 < at.size(); ++i) set += character_at(list, at[i]);
  }
  auto gone = [&](char32_t c) { return given ? set.find(c) != set.npos : is_space(c); };
  size_t from = 0, to = text.size();
  int length = 0;
  while (left && from < to && gone(decode_valid(text.str().data() + from, length))) {
    from += size_t(length);
  }
  while (right && to > from) {
    size_t last = to - 1;
    while (last > from && (text.str()[last] & 0xC0) == 0x80) --last;
    if (!gone(character_at(text, last))) break;
    to = last;
  }
  return text.sub(from, to);
}

Text replaced(const Text& text, const Text& from, const Text& to, int64_t most) {
  Text out;
  auto grow = [&](const Text& part) {
    out += part;
    check(out.size() < (1 << 24), "replace makes too long a string");
  };
  if (from.empty()) {  // before every character and at the end
    std::vector<size_t> at = characters(text);
    for (size_t i = 0; i < at.size(); ++i) {
      if (most-- != 0) grow(to);
      if (i + 1 < at.size()) grow(text.sub(at[i], at[i + 1]));
    }
    return out;
  }
  size_t done = 0;
  for (size_t at; most != 0 && (at = text.str().find(from.str(), done)) != std::string::npos;
       done = at + from.size(), --most) {
    grow(text.sub(done, at));
    grow(to);
  }
  grow(text.sub(done, text.size()));
  return out;
}

Text upper(const Text& text) { return map_characters(text, utf8proc_toupper); }
Text lower(const Text& text) { return map_characters(text, utf8proc_tolower); }

Text capitalized(const Text& text) {
  std::vector<size_t> at = characters(text);
  if (at.size() < 2) return text;
  Text out = upper(text.sub(0, at[1]));
  return out += lower(text.sub(at[1], text.size()));
}

Method find_method(const Value& object, std::string_view name) {
  auto in = [&](auto& table) -> Method {
    auto known = std::ranges::find(table, name, &NamedMethod::name);
    return known == std::end(table) ? nullptr : known->method;
  };
  if (object.text()) return in(kTextMethods);
  if (object.dict()) return in(kDictMethods);
  return object.list() ? in(kListMethods) : nullptr;
}

Function find_function(std::string_view name) {
  struct Known {
    std::string_view name;
    Function function;
  };
  static constexpr Known kKnown[] = {{"range", range},
                                     {"dict", dict},
                                     {"namespace", make_space},
                                     {"raise_exception", raise_exception},
                                     {"strftime_now", strftime_now}};
  auto known = std::ranges::find(kKnown, name, &Known::name);
  return known == std::end(kKnown) ? nullptr : known->function;
}

}  // namespace slm::jinja
