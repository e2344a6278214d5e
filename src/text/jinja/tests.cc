// Tests: value is name(arguments).
#include <algorithm>

#include "text/jinja/builtins.h"
#include "text/jinja/operators.h"
#include "util/error.h"

namespace slm::jinja {
namespace {

const Value& other(const Arguments& a) {
  check(!a.values.empty(), "a test lacks what to compare with");
  return a.values.front();
}

template <class T>
bool holds(const Value& v, const Arguments&) {
  return v.get<T>() != nullptr;
}

bool defined(const Value& v, const Arguments&) { return !v.is_undefined(); }
bool is_true(const Value& v, const Arguments&) { return v.get<bool>() && *v.get<bool>(); }
bool is_false(const Value& v, const Arguments&) { return v.get<bool>() && !*v.get<bool>(); }
bool number(const Value& v, const Arguments&) { return v.is_number(); }
bool mapping(const Value& v, const Arguments&) { return v.dict() != nullptr; }
bool sequence(const Value& v, const Arguments&) { return v.list() || v.dict() || v.text(); }
bool iterable(const Value& v, const Arguments&) {
  return v.list() || v.dict() || v.text() || v.is_undefined();
}
bool callable(const Value& v, const Arguments&) { return v.callable() != nullptr; }
bool remains(const Value& v, const Value& by, int64_t rest) {
  return equal(arithmetic("%", v, by), Value(rest));
}
bool even(const Value& v, const Arguments&) { return remains(v, Value(int64_t{2}), 0); }
bool odd(const Value& v, const Arguments&) { return remains(v, Value(int64_t{2}), 1); }
bool divisible(const Value& v, const Arguments& a) { return remains(v, other(a), 0); }
bool is_lower(const Value& v, const Arguments&) {
  Text t = v.str();
  return lower(t).str() == t.str() && upper(t).str() != t.str();
}
bool is_upper(const Value& v, const Arguments&) {
  Text t = v.str();
  return upper(t).str() == t.str() && lower(t).str() != t.str();
}
bool eq(const Value& v, const Arguments& a) { return compare("==", v, other(a)); }
bool ne(const Value& v, const Arguments& a) { return compare("!=", v, other(a)); }
bool lt(const Value& v, const Arguments& a) { return compare("<", v, other(a)); }
bool le(const Value& v, const Arguments& a) { return compare("<=", v, other(a)); }
bool gt(const Value& v, const Arguments& a) { return compare(">", v, other(a)); }
bool ge(const Value& v, const Arguments& a) { return compare(">=", v, other(a)); }
bool in(const Value& v, const Arguments& a) { return compare("in", v, other(a)); }
// The same object in Python; here values of the same kind that are equal.
bool same(const Value& v, const Arguments& a) {
  return v.type_name() == other(a).type_name() && equal(v, other(a));
}

}  // namespace

TestFunction find_test(std::string_view name) {
  struct Known {
    std::string_view name;
    TestFunction test;
  };
  static constexpr Known kKnown[] = {
      {"defined", defined},
      {"undefined", holds<Undefined>},
      {"none", holds<None>},
      {"boolean", holds<bool>},
      {"integer", holds<int64_t>},
      {"float", holds<double>},
      {"string", holds<Text>},
      {"true", is_true},
      {"false", is_false},
      {"number", number},
      {"mapping", mapping},
      {"sequence", sequence},
      {"iterable", iterable},
      {"callable", callable},
      {"even", even},
      {"odd", odd},
      {"divisibleby", divisible},
      {"lower", is_lower},
      {"upper", is_upper},
      {"eq", eq},
      {"equalto", eq},
      {"ne", ne},
      {"lt", lt},
      {"lessthan", lt},
      {"le", le},
      {"gt", gt},
      {"greaterthan", gt},
      {"ge", ge},
      {"in", in},
      {"sameas", same},
  };
  auto known = std::ranges::find(kKnown, name, &Known::name);
  return known == std::end(kKnown) ? nullptr : known->test;
}

}  // namespace slm::jinja
