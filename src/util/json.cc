#include "util/json.h"

#include <cmath>
#include <set>
#include <vector>

#include "util/files.h"

namespace slm {
namespace {

constexpr int kMaxDepth = 64;

// The parser itself does not recurse, but everything that later walks the value does, so depth is
// bounded first.
void check_depth(std::string_view text, std::string_view origin) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      check_data(++depth <= kMaxDepth, "{}: nested deeper than {} levels at byte {}", origin,
                 kMaxDepth, i);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
}

std::string excerpt(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() > 60 ? text.substr(0, 57) + "..." : text;
}

}  // namespace

Json parse_json(std::string_view text, std::string_view origin) {
  check_depth(text, origin);
  std::vector<std::set<std::string>> open_objects;
  auto watch_keys = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) open_objects.emplace_back();
    if (event == Json::parse_event_t::object_end) open_objects.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      check_data(open_objects.back().insert(key).second,
                 "{}: key \"{}\" appears twice in one object", origin, key);
    }
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), watch_keys);
  } catch (const Json::exception& e) {
    fail(ErrorKind::kCorrupt, "{}: not valid JSON: {}", origin, e.what());
  }
}

Json read_json_file(const std::filesystem::path& path, int64_t max_bytes) {
  return parse_json(read_file(path, max_bytes), path.string());
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
