#include "train/config_listing.h"

#include <array>

#include "train/config_key.h"
#include "util/format.h"

namespace slm {
namespace {

// In the order of ConfigTarget.
constexpr std::array<std::string_view, std::variant_size_v<ConfigTarget>> kTypes{
    "integer", "integer", "number",  "true or false", "true or false",
    "text",    "texts",   "numbers", "integers",      "kinds by layer"};

// In the order of KeyUse.
constexpr std::array<std::string_view, 3> kUses{"", "recorded: ", "not done: "};

}  // namespace

std::string list_config_keys() {
  RunConfig defaults;
  std::string out = "| key | type | default | meaning |\n|---|---|---|---|\n";
  for (const ConfigKey& key : config_keys()) {
    std::string value = config_values(defaults, std::array{key.name}).begin()->second;
    out += format("| `{}` | {} | {} | {}{} |\n", key.name, kTypes[key.target(defaults).index()],
                  value.empty() ? "" : "`" + value + "`", kUses[size_t(key.use)], key.help);
  }
  return out;
}

}  // namespace slm
