#include "util/json.h"

#include <cmath>
#include <unordered_set>
#include <utility>
#include <vector>

#include "util/files.h"
#include "util/impostor.h"

namespace slm {
namespace {

constexpr size_t kMaxDepth = 64;

// Builds the value from the parser's events. The library's own builder looks every new key up among
// all keys before it, which takes minutes on an object of a million; this one appends, and keeps a
// hash set per open object to refuse duplicates. Depth is bounded because whatever later walks the
// value recurses.
class TreeBuilder {
 public:
  explicit TreeBuilder(std::string_view origin) : origin_(origin) {}
  Json take() { return std::move(root_); }

  bool null() { return place(nullptr); }
  bool boolean(bool value) { return place(value); }
  bool number_integer(Json::number_integer_t value) { return place(value); }
  bool number_unsigned(Json::number_unsigned_t value) { return place(value); }
  bool number_float(Json::number_float_t value, const std::string&) { return place(value); }
  bool string(std::string& value) { return place(std::move(value)); }
  bool binary(Json::binary_t& value) { return place(std::move(value)); }
  bool start_array(size_t) { return open(Json::array()); }
  bool end_array() { return close(); }
  bool start_object(size_t) { return open(Json::object()); }
  bool end_object() { return close(); }

  bool key(std::string& name) {
    check_data(open_.back().keys.insert(name).second, "{}: key \"{}\" appears twice in one object",
               origin_, name);
    key_ = std::move(name);
    return true;
  }

  bool parse_error(size_t, const std::string&, const Json::exception& e) {
    fail(ErrorKind::kCorrupt, "{}: not valid JSON: {}", origin_, e.what());
  }

 private:
  struct Open {
    Json* value;  // stays put: nothing is added beside a container until it is closed
    std::unordered_set<std::string> keys;
  };

  bool place(Json value) {
    added(std::move(value));
    return true;
  }

  Json* added(Json value) {
    if (open_.empty()) return &(root_ = std::move(value));
    Json& parent = *open_.back().value;
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    Json::object_t::Container& members = parent.get_ref<Json::object_t&>();
    return &members.emplace_back(std::move(key_), std::move(value)).second;
  }

  bool open(Json container) {
    check_data(open_.size() < kMaxDepth, "{}: nested deeper than {} levels", origin_, kMaxDepth);
    open_.push_back({added(std::move(container)), {}});
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view origin_;
  Json root_;
  std::vector<Open> open_;
  std::string key_;
};

std::string excerpt(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() > 60 ? text.substr(0, 57) + "..." : text;
}

}  // namespace

Json parse_json(std::string_view text, std::string_view origin) {
  // The parser takes a NUL for the end of its input and would not look at what follows.
  check_data(text.find('\0') == text.npos, "{}: not valid JSON: it holds a NUL byte", origin);
  TreeBuilder builder(origin);
  Json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

Json read_json_file(const std::filesystem::path& path, int64_t max_bytes) {
  std::string text = read_file(path, max_bytes);
  refuse_impostor(text, path.string());
  return parse_json(text, path.string());
}

JsonObject::JsonObject(const Json& object, std::string origin)
    : object_(&object), origin_(std::move(origin)) {
  check_data(object.is_object(), "{}: expected a JSON object, found {}", origin_, excerpt(object));
}

const Json* JsonObject::find(std::string_view key) const {
  auto it = object_->find(key);
  return it == object_->end() || it->is_null() ? nullptr : &*it;
}

bool JsonObject::has(std::string_view key) const { return find(key) != nullptr; }

const Json& JsonObject::at(std::string_view key) const {
  const Json* value = find(key);
  check_data(value != nullptr, "{}: key \"{}\" is missing", origin_, key);
  return *value;
}

int64_t JsonObject::integer(std::string_view key, int64_t least, int64_t most) const {
  const Json& value = at(key);
  check_data(value.is_number(), "{}: key \"{}\" must be an integer, found {}", origin_, key,
             excerpt(value));
  double wide = value.get<double>();
  bool whole = value.is_number_integer() || (std::isfinite(wide) && wide == std::floor(wide));
  check_data(whole, "{}: key \"{}\" must be an integer, found {}", origin_, key, excerpt(value));
  check_data(wide >= double(least) && wide <= double(most),
             "{}: key \"{}\" must lie in {}..{}, found {}", origin_, key, least, most,
             excerpt(value));
  return value.is_number_integer() ? value.get<int64_t>() : int64_t(wide);
}

double JsonObject::number(std::string_view key) const {
  const Json& value = at(key);
  check_data(value.is_number() && std::isfinite(value.get<double>()),
             "{}: key \"{}\" must be a number, found {}", origin_, key, excerpt(value));
  return value.get<double>();
}

bool JsonObject::boolean(std::string_view key) const {
  const Json& value = at(key);
  check_data(value.is_boolean(), "{}: key \"{}\" must be true or false, found {}", origin_, key,
             excerpt(value));
  return value.get<bool>();
}

std::string JsonObject::string(std::string_view key) const {
  const Json& value = at(key);
  check_data(value.is_string(), "{}: key \"{}\" must be a string, found {}", origin_, key,
             excerpt(value));
  return value.get<std::string>();
}

int64_t JsonObject::integer_or(std::string_view key, int64_t otherwise, int64_t least,
                               int64_t most) const {
  return has(key) ? integer(key, least, most) : otherwise;
}

double JsonObject::number_or(std::string_view key, double otherwise) const {
  return has(key) ? number(key) : otherwise;
}

bool JsonObject::boolean_or(std::string_view key, bool otherwise) const {
  return has(key) ? boolean(key) : otherwise;
}

std::string JsonObject::string_or(std::string_view key, std::string otherwise) const {
  return has(key) ? string(key) : otherwise;
}

}  // namespace slm
