#include "backend/backend.h"
#include "util/error.h"
#include "util/nearest_name.h"

namespace slm {
namespace {

struct Maker {
  std::string_view name;
  std::unique_ptr<Backend> (*make)(const BackendOptions& options);
};

constexpr std::string_view kAuto = "auto";
constexpr Maker kMakers[] = {
    {"cpu", make_cpu_backend},
    {"cuda", make_cuda_backend},
    {"reference", [](const BackendOptions&) { return make_reference_backend(); }},
};

const Maker& find_maker(std::string_view name) {
  if (name == kAuto) name = cuda_available() ? "cuda" : "cpu";
  for (const Maker& maker : kMakers)
    if (maker.name == name) return maker;
  std::vector<std::string_view> names = backend_names();
  std::string nearest = nearest_name(name, names);
  fail(ErrorKind::kInvalid, "backend \"{}\"{}: expected one of {}", name,
       nearest.empty() ? "" : format(", did you mean {}", nearest), fmt::join(names, ", "));
}

}  // namespace

std::vector<std::string_view> backend_names() {
  std::vector<std::string_view> names{kAuto};
  for (const Maker& maker : kMakers) names.push_back(maker.name);
  return names;
}

std::string_view chosen_backend(std::string_view name) { return find_maker(name).name; }

std::unique_ptr<Backend> make_backend(std::string_view name, const BackendOptions& options) {
  return find_maker(name).make(options);
}

}  // namespace slm
