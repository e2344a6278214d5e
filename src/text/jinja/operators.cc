#include "text/jinja/operators.h"

#include <algorithm>
#include <cmath>

#include "util/error.h"

namespace slm::jinja {
namespace {

constexpr int64_t kMaxRepeated = 1 << 24;  // bytes or items

void check_defined(const Value& value) {
  if (auto u = value.get<Undefined>()) {
    fail(ErrorKind::kInvalid, "\"{}\" is undefined", u->name);
  }
}

int64_t floor_div(int64_t a, int64_t b) {
  int64_t q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

int64_t integer_arithmetic(char op, int64_t a, int64_t b) {
  int64_t out = 0;
  bool overflow = op == '+'   ? __builtin_add_overflow(a, b, &out)
                  : op == '-' ? __builtin_sub_overflow(a, b, &out)
                  : op == '*' ? __builtin_mul_overflow(a, b, &out)
                              : b == -1 && a == INT64_MIN;
  check(!overflow, "{} {} {} is too large", a, op, b);
  if (op == '/' || op == '%') check(b != 0, "division by zero");
  if (op == '/') return floor_div(a, b);
  if (op == '%') return b == -1 ? 0 : a - floor_div(a, b) * b;
  return out;
}

Value power(const Value& left, const Value& right) {
  int64_t base = 0, exponent = 0;
  if (!left.integer(base) || !right.integer(exponent) || exponent < 0) {
    return Value(std::pow(left.number(), right.number()));
  }
  int64_t out = 1;
  bool small = base >= -1 && base <= 1;  // repeats itself
  if (small) exponent = exponent % 2 + (exponent > 0 ? 2 : 0);
  check(exponent <= 64, "{} ** {} is too large", base, exponent);
  for (; exponent > 0; --exponent) out = integer_arithmetic('*', out, base);
  return Value(out);
}

// Numbers of which at least one is no integer.
double real_arithmetic(std::string_view op, double a, double b) {
  if (op == "+") return a + b;
  if (op == "-") return a - b;
  if (op == "*") return a * b;
  check(b != 0, "division by zero");
  if (op == "/") return a / b;
  if (op == "//") return std::floor(a / b);
  double r = std::fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

Value number_arithmetic(std::string_view op, const Value& left, const Value& right) {
  if (op == "**") return power(left, right);
  int64_t a = 0, b = 0;
  if (op != "/" && left.integer(a) && right.integer(b)) {
    return Value(integer_arithmetic(op.front(), a, b));
  }
  return Value(real_arithmetic(op, left.number(), right.number()));
}

// A text or list, several times.
Value repeated(const Value& value, int64_t times) {
  times = std::max<int64_t>(times, 0);
  int64_t size = std::max<int64_t>(value.extent().size, 1);
  check(times <= kMaxRepeated / size, "{} times a value of {} bytes is too large", times, size);
  if (const Text* text = value.text()) {
    Text out;
    while (times-- > 0) out += *text;
    return Value(std::move(out));
  }
  std::vector<Value> out;
  while (times-- > 0) {
    out.insert(out.end(), value.list()->items.begin(), value.list()->items.end());
  }
  return make_list(std::move(out), value.list()->tuple);
}

bool contains(const Value& container, const Value& value) {
  if (const Text* text = container.text()) {
    return text->str().find(to_text(value, "in a string").str()) != std::string::npos;
  }
  if (const Dict* dict = container.dict()) {
    check(!value.list() && !value.dict(), "a {} cannot be a key", value.type_name());
    return value.text() && dict->find(value.text()->str());
  }
  if (container.is_undefined()) return false;
  return std::ranges::any_of(elements(container), [&](const Value& v) { return equal(v, value); });
}

// The bounds of a slice in Python's sense: from, to and the number of steps.
struct Range {
  int64_t from, count;
  Range(int64_t size, std::optional<int64_t> begin, std::optional<int64_t> end, int64_t step) {
    check(step != 0, "the step of a slice is 0");
    int64_t least = step > 0 ? 0 : -1, most = step > 0 ? size : size - 1;
    auto place = [&](std::optional<int64_t> i, int64_t otherwise) {
      if (!i) return otherwise;
      return std::clamp(*i < 0 ? std::max(*i, -size - 1) + size : *i, least, most);
    };
    from = place(begin, step > 0 ? least : most);
    int64_t to = place(end, step > 0 ? most : least);
    int64_t way = step > 0 ? to - from : from - to;
    int64_t size_of_step = step == INT64_MIN ? INT64_MAX : std::abs(step);
    count = way <= 0 ? 0 : (way - 1) / size_of_step + 1;
  }
};

// The element at a place that may count from the end; false when there is none.
bool in_range(int64_t& place, int64_t size) {
  if (place < 0) place += size;
  return place >= 0 && place < size;
}

}  // namespace

int64_t to_integer(const Value& value, std::string_view what) {
  check_defined(value);
  int64_t out = 0;
  check(value.integer(out), "{}: expected an integer, found a {}", what, value.type_name());
  return out;
}

const Text& to_text(const Value& value, std::string_view what) {
  check_defined(value);
  check(value.text() != nullptr, "{}: expected a string, found a {}", what, value.type_name());
  return *value.text();
}

std::vector<size_t> characters(const Text& text) {
  std::vector<size_t> places;
  const std::string& s = text.str();
  for (size_t i = 0; i < s.size(); ++i) {
    if ((s[i] & 0xC0) != 0x80) places.push_back(i);
  }
  places.push_back(s.size());
  return places;
}

Value arithmetic(std::string_view op, const Value& left, const Value& right) {
  check_defined(left);
  check_defined(right);
  if (left.is_number() && right.is_number()) return number_arithmetic(op, left, right);
  if (op == "+" && left.text() && right.text()) {
    Text out = *left.text();
    return Value(out += *right.text());
  }
  if (op == "+" && left.list() && right.list() && left.list()->tuple == right.list()->tuple) {
    std::vector<Value> items = left.list()->items;
    items.insert(items.end(), right.list()->items.begin(), right.list()->items.end());
    return make_list(std::move(items), left.list()->tuple);
  }
  int64_t times = 0;
  if (op == "*" && (left.text() || left.list()) && right.integer(times)) {
    return repeated(left, times);
  }
  if (op == "*" && (right.text() || right.list()) && left.integer(times)) {
    return repeated(right, times);
  }
  fail(ErrorKind::kInvalid, "{} of a {} and a {}", op, left.type_name(), right.type_name());
}

Value negated(const Value& value) {
  check_defined(value);
  check(value.is_number(), "- of a {}", value.type_name());
  int64_t i = 0;
  if (value.integer(i)) return Value(integer_arithmetic('-', 0, i));
  return Value(-value.number());
}

bool compare(std::string_view op, const Value& left, const Value& right) {
  if (op == "==") return equal(left, right);
  if (op == "!=") return !equal(left, right);
  if (op == "in") return contains(right, left);
  if (op == "not in") return !contains(right, left);
  check_defined(left);
  check_defined(right);
  if (op == "<") return less(left, right);
  if (op == ">") return less(right, left);
  // Not the opposite of > and <: a number that is not one is neither.
  return equal(left, right) || (op == "<=" ? less(left, right) : less(right, left));
}

std::vector<Value> elements(const Value& value) {
  if (const List* list = value.list()) return list->items;
  std::vector<Value> out;
  if (const Dict* dict = value.dict()) {
    for (const auto& entry : dict->items) out.emplace_back(entry.first);
  } else if (const Text* text = value.text()) {
    constexpr size_t kMaxBytes = 1 << 20;
    check(text->size() <= kMaxBytes, "the characters of a string of {} bytes; at most {}",
          text->size(), kMaxBytes);
    std::vector<size_t> at = characters(*text);
    for (size_t i = 0; i + 1 < at.size(); ++i) out.emplace_back(text->sub(at[i], at[i + 1]));
  } else {
    check(value.is_undefined(), "a {} has no elements", value.type_name());
  }
  return out;
}

int64_t length(const Value& value) {
  if (const List* list = value.list()) return int64_t(list->items.size());
  if (const Dict* dict = value.dict()) return int64_t(dict->items.size());
  if (const Text* text = value.text()) return int64_t(characters(*text).size()) - 1;
  check(value.is_undefined(), "a {} has no length", value.type_name());
  return 0;
}

Value member(const Value& object, std::string_view name) {
  check_defined(object);
  const Value* found = nullptr;
  if (const Dict* dict = object.dict()) found = dict->find(name);
  if (auto space = object.space()) found = space->members.find(name);
  return found ? *found : Value(Undefined{std::string(name)});
}

Value item(const Value& object, const Value& key) {
  check_defined(object);
  int64_t place = 0;
  if (const List* list = object.list(); list && key.integer(place)) {
    bool there = in_range(place, int64_t(list->items.size()));
    return there ? list->items[size_t(place)] : Value(Undefined{key.str().str()});
  }
  if (const Text* text = object.text(); text && key.integer(place)) {
    std::vector<size_t> at = characters(*text);
    bool there = in_range(place, int64_t(at.size()) - 1);
    return there ? Value(text->sub(at[size_t(place)], at[size_t(place) + 1]))
                 : Value(Undefined{key.str().str()});
  }
  if (key.text()) return member(object, key.text()->str());
  return Value(Undefined{key.str().str()});
}

Value slice(const Value& object, std::optional<int64_t> from, std::optional<int64_t> to,
            int64_t step) {
  check_defined(object);
  if (const Text* text = object.text()) {
    std::vector<size_t> at = characters(*text);
    Range range(int64_t(at.size()) - 1, from, to, step);
    if (step == 1) {
      size_t begin = size_t(range.from), end = begin + size_t(range.count);
      return Value(text->sub(at[begin], at[end]));
    }
    Text out;
    for (int64_t i = 0; i < range.count; ++i) {
      size_t c = size_t(range.from + i * step);
      out += text->sub(at[c], at[c + 1]);
    }
    return Value(std::move(out));
  }
  const List* list = object.list();
  if (!list) return Value(Undefined{"a slice"});
  Range range(int64_t(list->items.size()), from, to, step);
  std::vector<Value> out;
  for (int64_t i = 0; i < range.count; ++i) {
    out.push_back(list->items[size_t(range.from + i * step)]);
  }
  return make_list(std::move(out), list->tuple);
}

}  // namespace slm::jinja
