// Values of templates, with the behaviour of the Python objects that templates are written for.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "text/jinja/text_value.h"
#include "util/json.h"

namespace slm::jinja {

class Value;
class Machine;

struct Undefined {
  std::string name;  // for messages
};
struct None {};

// How deep values are nested, and how large they are written out: values may share parts, so that
// a few of them stand for very many.
struct Extent {
  int depth = 0;
  int64_t size = 1;
  void add(const Extent& inner);  // of a part
};

struct List {
  std::vector<Value> items;
  bool tuple = false;
  Extent extent = {};
};
// In the order of insertion. Keys are strings.
struct Dict {
  std::vector<std::pair<Text, Value>> items;
  Extent extent = {};
  const Value* find(std::string_view key) const;
  void set(const Text& key, Value value);
};
// The one kind of value that changes.
struct Namespace {
  Dict members;
};

struct Arguments {
  std::vector<Value> values;
  std::vector<std::pair<std::string, Value>> named;

  // The argument at a place or with a name; null when it is not given.
  const Value* find(size_t place, std::string_view name) const;
};
using Callable = std::function<Value(Machine&, const Arguments&)>;

class Value {
 public:
  using Data = std::variant<Undefined, None, bool, int64_t, double, Text,
                            std::shared_ptr<const List>, std::shared_ptr<const Dict>,
                            std::shared_ptr<Namespace>, std::shared_ptr<const Callable>>;

  Value() = default;                            // undefined
  Value(Text text) : data_(std::move(text)) {}  // NOLINT
  Value(Data data) : data_(std::move(data)) {}  // NOLINT

  template <class T>
  const T* get() const {
    return std::get_if<T>(&data_);
  }
  const Text* text() const { return get<Text>(); }
  const List* list() const { return pointee<List>(); }
  const Dict* dict() const { return pointee<Dict>(); }
  std::shared_ptr<Namespace> space() const {
    auto p = get<std::shared_ptr<Namespace>>();
    return p ? *p : nullptr;
  }
  const Callable* callable() const { return pointee<Callable>(); }
  bool is_undefined() const { return get<Undefined>(); }
  bool is_none() const { return get<None>(); }
  bool is_number() const { return get<int64_t>() || get<double>() || get<bool>(); }

  // bool and int as an integer.
  bool integer(int64_t& out) const;
  double number() const;  // of is_number()

  bool truth() const;
  std::string_view type_name() const;  // for messages
  Extent extent() const;
  Text str() const;  // Python's str()
  Text repr() const;

 private:
  template <class T>
  const T* pointee() const {
    auto p = get<std::shared_ptr<const T>>();
    return p ? p->get() : nullptr;
  }
  Data data_;
};

// Errors when values are nested more than 100 deep, or larger than 16 MiB.
Value make_list(std::vector<Value> items, bool tuple = false);
Value make_dict(Dict dict);
Value make_callable(Callable callable);

// Python's == and <. The latter errors for values that have no order.
bool equal(const Value& a, const Value& b);
bool less(const Value& a, const Value& b);

// json.dumps as chat templates get it: characters as they are, keys in order. `indent` < 0: on one
// line. Errors for what JSON cannot express.
Text to_json(const Value& value, int indent = -1);
// Strings in it count as from outside.
Value from_json(const Json& json);

}  // namespace slm::jinja
