#include "text/jinja/value.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "text/unicode.h"
#include "util/error.h"

namespace slm::jinja {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

// The shortest digits that give the number back, in the form of Python's repr().
std::string float_text(double x) {
  if (std::isnan(x)) return "nan";
  if (std::isinf(x)) return x > 0 ? "inf" : "-inf";
  char buffer[64];
  double size = std::fabs(x);
  bool exponent = size != 0 && (size < 1e-4 || size >= 1e16);
  auto form = exponent ? std::chars_format::scientific : std::chars_format::fixed;
  std::string out(buffer, std::to_chars(buffer, buffer + sizeof buffer, x, form).ptr);
  if (out.find_first_of(".e") == std::string::npos) out += ".0";
  return out;
}

// Appends one character of a quoted string: as it is, or as the escape that stands for it.
template <class Escape>
Text quoted(const Text& text, char quote, Escape&& escape) {
  Text out{std::string(1, quote)};
  size_t done = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    std::string e = escape(text.str()[i]);
    if (e.empty()) continue;
    out += text.sub(done, i);
    out += Text(std::move(e), text.outside(i));
    done = i + 1;
  }
  out += text.sub(done, text.size());
  return out += Text(std::string(1, quote));
}

std::string short_escape(char c) {
  return c == '\n' ? "\\n" : c == '\r' ? "\\r" : c == '\t' ? "\\t" : c == '\\' ? "\\\\" : "";
}

Text repr_of(const Text& text) {
  bool single = text.str().find('\'') != std::string::npos;
  char quote = single && text.str().find('"') == std::string::npos ? '"' : '\'';
  return quoted(text, quote, [&](char c) -> std::string {
    if (c == quote) return {'\\', c};
    if (std::string e = short_escape(c); !e.empty()) return e;
    auto b = static_cast<unsigned char>(c);
    return b < 0x20 || b == 0x7F ? format("\\x{:02x}", unsigned{b}) : "";
  });
}

Text json_of(const Text& text) {
  return quoted(text, '"', [](char c) -> std::string {
    if (c == '"') return "\\\"";
    if (c == '\b') return "\\b";
    if (c == '\f') return "\\f";
    if (std::string e = short_escape(c); !e.empty()) return e;
    auto b = static_cast<unsigned char>(c);
    return b < 0x20 ? format("\\u{:04x}", unsigned{b}) : "";
  });
}

// What stands between brackets.
template <class Items, class Write>
Text join(const Items& items, std::string_view separator, Write&& write) {
  Text out;
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += Text(std::string(separator));
    first = false;
    out += write(item);
  }
  return out;
}

Text list_text(const List& list) {
  Text out(list.tuple ? "(" : "[");
  out += join(list.items, ", ", [](const Value& v) { return v.repr(); });
  if (list.tuple && list.items.size() == 1) out += Text(",");
  return out += Text(list.tuple ? ")" : "]");
}

Text dict_text(const Dict& dict) {
  Text out("{");
  out += join(dict.items, ", ", [](const auto& item) {
    Text entry = repr_of(item.first);
    entry += Text(": ");
    return entry += item.second.repr();
  });
  return out += Text("}");
}

struct JsonWriter {
  int indent;  // < 0: on one line

  std::string line(int depth) const {
    return indent < 0 ? "" : "\n" + std::string(size_t(indent * depth), ' ');
  }

  template <class Items, class Write>
  Text block(char open, char close, const Items& items, int depth, Write&& entry) const {
    Text out(std::string(1, open));
    if (!items.empty()) {
      out += Text(line(depth + 1));
      out += join(items, indent < 0 ? ", " : "," + line(depth + 1), entry);
      out += Text(line(depth));
    }
    return out += Text(std::string(1, close));
  }

  Text write(const Value& value, int depth) const {
    if (value.is_none()) return Text("null");
    if (auto b = value.get<bool>()) return Text(*b ? "true" : "false");
    if (value.is_number()) return value.str();
    if (const Text* text = value.text()) return json_of(*text);
    if (const List* list = value.list()) {
      return block('[', ']', list->items, depth,
                   [&](const Value& v) { return write(v, depth + 1); });
    }
    if (const Dict* dict = value.dict()) {
      return block('{', '}', dict->items, depth, [&](const auto& item) {
        Text entry = json_of(item.first);
        entry += Text(": ");
        return entry += write(item.second, depth + 1);
      });
    }
    fail(ErrorKind::kInvalid, "tojson: JSON has no {}", value.type_name());
  }
};

}  // namespace

const Value* Dict::find(std::string_view key) const {
  for (const auto& [k, value] : items) {
    if (k.str() == key) return &value;
  }
  return nullptr;
}

void Dict::set(const Text& key, Value value) {
  for (auto& [k, old] : items) {
    if (k.str() == key.str()) {
      old = std::move(value);
      return;
    }
  }
  items.emplace_back(key, std::move(value));
}

const Value* Arguments::find(size_t place, std::string_view name) const {
  if (place < values.size()) return &values[place];
  for (const auto& [n, value] : named) {
    if (n == name) return &value;
  }
  return nullptr;
}

bool Value::integer(int64_t& out) const {
  if (auto b = get<bool>()) return out = *b, true;
  if (auto i = get<int64_t>()) return out = *i, true;
  return false;
}

double Value::number() const {
  if (auto d = get<double>()) return *d;
  int64_t i = 0;
  integer(i);
  return double(i);
}

bool Value::truth() const {
  return std::visit(
      Overloaded{[](const Undefined&) { return false; }, [](const None&) { return false; },
                 [](bool b) { return b; }, [](int64_t i) { return i != 0; },
                 [](double d) { return d != 0; }, [](const Text& t) { return !t.empty(); },
                 [](const std::shared_ptr<const List>& l) { return !l->items.empty(); },
                 [](const std::shared_ptr<const Dict>& d) { return !d->items.empty(); },
                 [](const auto&) { return true; }},
      data_);
}

std::string_view Value::type_name() const {
  constexpr std::string_view kNames[] = {"undefined", "none", "boolean", "integer",   "float",
                                         "string",    "list", "mapping", "namespace", "function"};
  return kNames[data_.index()];
}

void Extent::add(const Extent& inner) {
  constexpr int kMaxDepth = 100;
  constexpr int64_t kMaxSize = 1 << 24;
  check(inner.depth < kMaxDepth, "values are nested more than {} deep", kMaxDepth);
  depth = std::max(depth, inner.depth + 1);
  size += inner.size;
  check(size <= kMaxSize, "a value is larger than {} bytes", kMaxSize);
}

Extent Value::extent() const {
  if (const Text* t = text()) return {0, int64_t(t->size()) + 1};
  if (const List* l = list()) return l->extent;
  if (const Dict* d = dict()) return d->extent;
  return {};
}

Text Value::str() const {
  if (const Text* t = text()) return *t;
  if (is_undefined()) return {};
  return repr();
}

Text Value::repr() const {
  return std::visit(
      Overloaded{[](const Undefined&) { return Text("Undefined"); },
                 [](const None&) { return Text("None"); },
                 [](bool b) { return Text(b ? "True" : "False"); },
                 [](int64_t i) { return Text(format("{}", i)); },
                 [](double d) { return Text(float_text(d)); },
                 [](const Text& t) { return repr_of(t); },
                 [](const std::shared_ptr<const List>& l) { return list_text(*l); },
                 [](const std::shared_ptr<const Dict>& d) { return dict_text(*d); },
                 [](const std::shared_ptr<Namespace>&) { return Text("<Namespace>"); },
                 [](const std::shared_ptr<const Callable>&) { return Text("<function>"); }},
      data_);
}

Value make_list(std::vector<Value> items, bool tuple) {
  List list{std::move(items), tuple};
  for (const Value& v : list.items) list.extent.add(v.extent());
  return Value(std::make_shared<const List>(std::move(list)));
}

Value make_dict(Dict dict) {
  for (const auto& [key, value] : dict.items) {
    dict.extent.add({0, int64_t(key.size())});
    dict.extent.add(value.extent());
  }
  return Value(std::make_shared<const Dict>(std::move(dict)));
}

Value make_callable(Callable callable) {
  return Value(std::make_shared<const Callable>(std::move(callable)));
}

bool equal(const Value& a, const Value& b) {
  int64_t i = 0, j = 0;
  if (a.integer(i) && b.integer(j)) return i == j;
  if (a.is_number() && b.is_number()) return a.number() == b.number();
  if (a.text() && b.text()) return a.text()->str() == b.text()->str();
  if (a.list() && b.list()) {
    return a.list()->tuple == b.list()->tuple &&
           std::ranges::equal(a.list()->items, b.list()->items, equal);
  }
  if (a.dict() && b.dict()) {
    const Dict &x = *a.dict(), &y = *b.dict();
    return x.items.size() == y.items.size() && std::ranges::all_of(x.items, [&](const auto& item) {
             const Value* other = y.find(item.first.str());
             return other && equal(item.second, *other);
           });
  }
  if (a.space() || b.space()) return a.space() == b.space();
  if (a.callable() || b.callable()) return a.callable() == b.callable();
  return (a.is_none() && b.is_none()) || (a.is_undefined() && b.is_undefined());
}

bool less(const Value& a, const Value& b) {
  int64_t i = 0, j = 0;
  if (a.integer(i) && b.integer(j)) return i < j;
  if (a.is_number() && b.is_number()) return a.number() < b.number();
  if (a.text() && b.text()) return a.text()->str() < b.text()->str();
  if (a.list() && b.list()) {
    const auto &x = a.list()->items, &y = b.list()->items;
    auto [p, q] = std::ranges::mismatch(x, y, equal);
    return p == x.end() || q == y.end() ? x.size() < y.size() : less(*p, *q);
  }
  fail(ErrorKind::kInvalid, "a {} and a {} have no order", a.type_name(), b.type_name());
}

Text to_json(const Value& value, int indent) { return JsonWriter{indent}.write(value, 0); }

Value from_json(const Json& json) {
  if (json.is_null()) return Value(None{});
  if (json.is_boolean()) return Value(json.get<bool>());
  if (json.is_number_integer()) return Value(json.get<int64_t>());
  if (json.is_number()) return Value(json.get<double>());
  if (json.is_string()) return Value(Text(replace_invalid_utf8(json.get<std::string>()), true));
  if (json.is_array()) {
    std::vector<Value> items;
    for (const Json& item : json) items.push_back(from_json(item));
    return make_list(std::move(items));
  }
  Dict dict;
  for (const auto& [key, item] : json.items()) {
    dict.set(Text(replace_invalid_utf8(key), true), from_json(item));
  }
  return make_dict(std::move(dict));
}

}  // namespace slm::jinja
