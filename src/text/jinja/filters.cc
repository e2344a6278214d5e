// Filters: value | name(arguments).
#include <algorithm>
#include <cmath>

#include "text/jinja/builtins.h"
#include "text/jinja/operators.h"
#include "util/error.h"

namespace slm::jinja {
namespace {

Value argument(const Arguments& a, size_t place, std::string_view name, Value otherwise) {
  const Value* given = a.find(place, name);
  return given ? *given : std::move(otherwise);
}

bool flag(const Arguments& a, size_t place, std::string_view name) {
  return argument(a, place, name, Value(false)).truth();
}

// "a.b.0": member by member.
Value attribute(Value value, const Value& path) {
  if (!path.text()) return item(value, path);
  std::string_view rest = path.text()->str();
  while (true) {
    std::string name(rest.substr(0, rest.find('.')));
    bool number = !name.empty() &&
                  std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; }) &&
                  name.size() < 10;
    value = number ? item(value, Value(int64_t{std::stol(name)})) : member(value, name);
    if (name.size() == rest.size()) return value;
    rest.remove_prefix(name.size() + 1);
  }
}

// What a filter works on: the elements, or that attribute of each.
std::vector<Value> attributes(const Value& input, const Value* path) {
  std::vector<Value> out = elements(input);
  if (path && !path->is_none()) {
    for (Value& v : out) v = attribute(v, *path);
  }
  return out;
}

Value default_value(Machine&, const Value& in, const Arguments& a) {
  bool missing = in.is_undefined() || (flag(a, 1, "boolean") && !in.truth());
  return missing ? argument(a, 0, "default_value", Value(Text())) : in;
}

Value trim(Machine&, const Value& in, const Arguments& a) {
  return Value(strip(in.str(), a.find(0, "chars"), true, true));
}

Value tojson(Machine&, const Value& in, const Arguments& a) {
  Value indent = argument(a, 0, "indent", Value(None{}));
  if (in.is_undefined()) fail(ErrorKind::kInvalid, "tojson: the value is undefined");
  if (indent.is_none()) return Value(to_json(in));
  int64_t n = to_integer(indent, "tojson: indent");
  check(n >= 0 && n <= 16, "tojson: indent is {}, expected 0 to 16", n);
  return Value(to_json(in, int(n)));
}

Value join(Machine& m, const Value& in, const Arguments& a) {
  Text separator = argument(a, 0, "d", Value(Text())).str(), out;
  bool first = true;
  for (const Value& v : attributes(in, a.find(1, "attribute"))) {
    if (!first) out += separator;
    first = false;
    out += v.str();
    m.spend(int64_t(separator.size()));
    check(out.size() < (1 << 24), "join makes too long a string");
  }
  return Value(std::move(out));
}

Value first(Machine&, const Value& in, const Arguments&) {
  std::vector<Value> all = elements(in);
  return all.empty() ? Value(Undefined{"first of nothing"}) : all.front();
}
Value last(Machine&, const Value& in, const Arguments&) {
  std::vector<Value> all = elements(in);
  return all.empty() ? Value(Undefined{"last of nothing"}) : all.back();
}
Value list(Machine&, const Value& in, const Arguments&) { return make_list(elements(in)); }
Value count(Machine&, const Value& in, const Arguments&) { return Value(length(in)); }

Value reverse(Machine&, const Value& in, const Arguments&) {
  if (in.text()) return slice(in, {}, {}, -1);
  std::vector<Value> all = elements(in);
  std::ranges::reverse(all);
  return make_list(std::move(all));
}

Value items(Machine&, const Value& in, const Arguments&) {
  std::vector<Value> out;
  if (in.is_undefined()) return make_list({});
  check(in.dict() != nullptr, "items of a {}", in.type_name());
  for (const auto& [k, v] : in.dict()->items) out.push_back(make_list({Value(k), v}, true));
  return make_list(std::move(out));
}

bool sorts_before(const Value& a, const Value& b, bool exact) {
  if (exact || !a.text() || !b.text()) return less(a, b);
  return lower(*a.text()).str() < lower(*b.text()).str();
}

Value sort(Machine& m, const Value& in, const Arguments& a) {
  bool reversed = flag(a, 0, "reverse"), exact = flag(a, 1, "case_sensitive");
  const Value* path = a.find(2, "attribute");
  std::vector<std::pair<Value, Value>> keyed;
  for (const Value& v : elements(in)) keyed.emplace_back(path ? attribute(v, *path) : v, v);
  m.spend(16 * in.extent().size);
  std::ranges::stable_sort(keyed, [&](const auto& x, const auto& y) {
    return reversed ? sorts_before(y.first, x.first, exact) : sorts_before(x.first, y.first, exact);
  });
  std::vector<Value> out;
  for (auto& [key, v] : keyed) out.push_back(std::move(v));
  return make_list(std::move(out));
}

Value dictsort(Machine& m, const Value& in, const Arguments&) {
  Arguments by_key;
  by_key.named.emplace_back("attribute", Value(int64_t{0}));
  return sort(m, items(m, in, {}), by_key);
}

Value unique(Machine& m, const Value& in, const Arguments& a) {
  std::vector<Value> out, keys;
  const Value* path = a.find(1, "attribute");
  for (const Value& v : elements(in)) {
    Value key = path ? attribute(v, *path) : v;
    if (key.text() && !flag(a, 0, "case_sensitive")) key = Value(lower(*key.text()));
    m.spend(16 * int64_t(keys.size()));
    if (std::ranges::any_of(keys, [&](const Value& k) { return equal(k, key); })) continue;
    keys.push_back(key);
    out.push_back(v);
  }
  return make_list(std::move(out));
}

Value extreme(const Value& in, const Arguments& a, bool largest) {
  const Value* path = a.find(1, "attribute");
  bool exact = flag(a, 0, "case_sensitive");
  std::optional<Value> best;
  for (const Value& v : elements(in)) {
    auto key = [&](const Value& x) { return path ? attribute(x, *path) : x; };
    bool better = best && (largest ? sorts_before(key(*best), key(v), exact)
                                   : sorts_before(key(v), key(*best), exact));
    if (!best || better) best = v;
  }
  return best.value_or(Value(Undefined{"the least or greatest of nothing"}));
}
Value max(Machine&, const Value& in, const Arguments& a) { return extreme(in, a, true); }
Value min(Machine&, const Value& in, const Arguments& a) { return extreme(in, a, false); }

Value sum(Machine&, const Value& in, const Arguments& a) {
  Value total = argument(a, 1, "start", Value(int64_t{0}));
  for (const Value& v : attributes(in, a.find(0, "attribute"))) total = arithmetic("+", total, v);
  return total;
}

// The arguments after the first `n`.
Arguments rest(const Arguments& a, size_t n) {
  Arguments out = a;
  out.values.erase(out.values.begin(),
                   out.values.begin() + ptrdiff_t(std::min(n, out.values.size())));
  return out;
}

Value map(Machine& m, const Value& in, const Arguments& a) {
  if (!in.truth()) return make_list({});
  std::vector<Value> out = elements(in);
  const Value* otherwise = a.find(SIZE_MAX, "default");
  if (const Value* path = a.find(SIZE_MAX, "attribute")) {
    for (Value& v : out) {
      v = attribute(v, *path);
      if (v.is_undefined() && otherwise) v = *otherwise;
    }
    return make_list(std::move(out));
  }
  check(!a.values.empty(), "map needs the name of a filter, or attribute=");
  std::string name = to_text(a.values.front(), "map").str();
  FilterFunction filter = find_filter(name);
  check(filter != nullptr, "there is no filter \"{}\" here", name);
  for (Value& v : out) {
    m.spend(64);
    v = filter(m, v, rest(a, 1));
  }
  return make_list(std::move(out));
}

// Elements for which a test holds, or does not; with `by_attribute`, tested by one attribute.
Value choose(Machine& m, const Value& in, const Arguments& a, bool wanted, bool by_attribute) {
  size_t skip = by_attribute ? 1 : 0;
  check(a.values.size() >= skip, "the name of an attribute is missing");
  TestFunction test = nullptr;
  if (a.values.size() > skip) {
    std::string name = to_text(a.values[skip], "the name of a test").str();
    test = find_test(name);
    check(test != nullptr, "there is no test \"{}\" here", name);
  }
  Arguments arguments = rest(a, skip + 1);
  if (!in.truth()) return make_list({});
  std::vector<Value> out;
  for (const Value& v : elements(in)) {
    m.spend(64);
    Value tested = by_attribute ? attribute(v, a.values[0]) : v;
    if ((test ? test(tested, arguments) : tested.truth()) == wanted) out.push_back(v);
  }
  return make_list(std::move(out));
}
Value select(Machine& m, const Value& in, const Arguments& a) {
  return choose(m, in, a, true, false);
}
Value reject(Machine& m, const Value& in, const Arguments& a) {
  return choose(m, in, a, false, false);
}
Value selectattr(Machine& m, const Value& in, const Arguments& a) {
  return choose(m, in, a, true, true);
}
Value rejectattr(Machine& m, const Value& in, const Arguments& a) {
  return choose(m, in, a, false, true);
}

Value replace(Machine&, const Value& in, const Arguments& a) {
  Value from = argument(a, 0, "old", {}), to = argument(a, 1, "new", {});
  const Value* most = a.find(2, "count");
  return Value(replaced(in.str(), to_text(from, "replace"), to_text(to, "replace"),
                        most && !most->is_none() ? to_integer(*most, "replace") : -1));
}

Value indent(Machine&, const Value& in, const Arguments& a) {
  Value width = argument(a, 0, "width", Value(int64_t{4}));
  Text unit = width.text() ? *width.text() : Text();
  if (!width.text()) {
    int64_t n = to_integer(width, "indent");
    check(n >= 0 && n <= 1000, "indent by {}", n);
    unit = Text(std::string(size_t(n), ' '));
  }
  bool first = flag(a, 1, "first"), blank = flag(a, 2, "blank");
  Text text = in.str(), out;
  for (size_t from = 0, line = 0; from <= text.size(); ++line) {
    size_t end = std::min(text.str().find('\n', from), text.size());
    if (line > 0) out += Text("\n");
    bool wanted = line == 0 ? first : blank || end > from;
    if (wanted) out += unit;
    out += text.sub(from, end);
    check(out.size() < (1 << 24), "indent makes too long a string");
    from = end + 1;
  }
  return Value(std::move(out));
}

Value to_int(Machine&, const Value& in, const Arguments& a) {
  Value otherwise = argument(a, 0, "default", Value(int64_t{0}));
  int64_t i = 0;
  if (in.integer(i)) return Value(i);
  double d = in.is_number() ? in.number() : NAN;
  if (const Text* text = in.text()) {
    const char* begin = text->str().c_str();
    char* end = nullptr;
    d = std::strtod(begin, &end);
    bool whole = end != begin &&
                 text->str().find_first_not_of(" \t\n", size_t(end - begin)) == std::string::npos;
    if (!whole) return otherwise;
  }
  return std::isfinite(d) && std::fabs(d) < 9e18 ? Value(int64_t(d)) : otherwise;
}

Value to_float(Machine&, const Value& in, const Arguments& a) {
  Value otherwise = argument(a, 0, "default", Value(0.0));
  if (in.is_number()) return Value(in.number());
  const Text* text = in.text();
  if (!text) return otherwise;
  char* end = nullptr;
  double d = std::strtod(text->str().c_str(), &end);
  bool whole = end != text->str().c_str() && *end == '\0';
  return whole ? Value(d) : otherwise;
}

Value absolute(Machine&, const Value& in, const Arguments&) {
  Value minus = negated(in);
  return less(in, Value(int64_t{0})) ? minus : negated(minus);
}

Value round(Machine&, const Value& in, const Arguments& a) {
  check(in.is_number(), "round of a {}", in.type_name());
  int64_t digits = to_integer(argument(a, 0, "precision", Value(int64_t{0})), "round");
  check(digits >= 0 && digits <= 15, "round to {} digits", digits);
  double scale = std::pow(10.0, double(digits)), x = in.number() * scale;
  std::string method = argument(a, 1, "method", Value(Text("common"))).str().str();
  int64_t integer = 0;
  if (method == "common" && in.integer(integer)) return Value(integer);
  double whole = method == "ceil"    ? std::ceil(x)
                 : method == "floor" ? std::floor(x)
                                     : std::nearbyint(x);
  return Value(whole / scale);
}

Value attr(Machine&, const Value& in, const Arguments& a) {
  Value name = argument(a, 0, "name", {});
  return member(in, to_text(name, "attr").str());
}

Value to_string(Machine&, const Value& in, const Arguments&) { return Value(in.str()); }
Value same(Machine&, const Value& in, const Arguments&) { return in; }
Value upper_case(Machine&, const Value& in, const Arguments&) { return Value(upper(in.str())); }
Value lower_case(Machine&, const Value& in, const Arguments&) { return Value(lower(in.str())); }
Value capitalize(Machine&, const Value& in, const Arguments&) {
  return Value(capitalized(in.str()));
}

Value title(Machine&, const Value& in, const Arguments&) {
  constexpr std::string_view kBreaks = "- \t\n\r\f\v({[<";
  Text text = in.str(), out;
  const std::string& s = text.str();
  for (size_t from = 0; from < s.size();) {
    size_t end = std::min(s.find_first_of(kBreaks, from), s.size());
    out += capitalized(text.sub(from, end));
    size_t next = std::min(s.find_first_not_of(kBreaks, end), s.size());
    out += text.sub(end, next);
    from = next;
  }
  return Value(std::move(out));
}

}  // namespace

FilterFunction find_filter(std::string_view name) {
  struct Known {
    std::string_view name;
    FilterFunction filter;
  };
  static constexpr Known kKnown[] = {
      {"default", default_value},
      {"d", default_value},
      {"trim", trim},
      {"tojson", tojson},
      {"join", join},
      {"first", first},
      {"last", last},
      {"list", list},
      {"length", count},
      {"count", count},
      {"reverse", reverse},
      {"items", items},
      {"sort", sort},
      {"dictsort", dictsort},
      {"unique", unique},
      {"max", max},
      {"min", min},
      {"sum", sum},
      {"map", map},
      {"select", select},
      {"reject", reject},
      {"selectattr", selectattr},
      {"replace", replace},
      {"rejectattr", rejectattr},
      {"indent", indent},
      {"int", to_int},
      {"float", to_float},
      {"abs", absolute},
      {"round", round},
      {"attr", attr},
      {"string", to_string},
      {"safe", same},
      {"upper", upper_case},
      {"lower", lower_case},
      {"title", title},
      {"capitalize", capitalize},
  };
  auto known = std::ranges::find(kKnown, name, &Known::name);
  return known == std::end(kKnown) ? nullptr : known->filter;
}

}  // namespace slm::jinja
