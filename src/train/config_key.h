// The schema of run configurations: one row per key.
#pragma once

#include <span>
#include <string_view>
#include <variant>

#include "train/run_config.h"

namespace slm {

// Where a key's value goes, and by that its type. A null pointer is a type without a place.
using ConfigTarget =
    std::variant<int64_t*, std::optional<int64_t>*, double*, bool*, std::optional<bool>*,
                 std::string*, std::vector<std::string>*, std::vector<double>*,
                 std::vector<int64_t>*, std::vector<AttentionRun>*>;

enum class KeyUse {
  kImplemented,
  kRecorded,  // checked and kept with the checkpoint; makes no difference to the result here
  kIgnored,   // asks for something this program does not do: said once when the value asks for it
};

struct ConfigKey {
  std::string_view name;  // nested keys with dots: "optimizer.params.lr"
  KeyUse use;
  ConfigTarget (*target)(RunConfig&);
  std::string_view help;  // of an ignored key: what happens instead
};

std::span<const ConfigKey> config_keys();
const ConfigKey* find_config_key(std::string_view name);

}  // namespace slm
