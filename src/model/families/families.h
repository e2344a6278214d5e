// A model family is data: how its config.json describes a decoder, and under which names and
// layouts its checkpoints store the parameters. Used only at the door: after loading nothing knows
// the family.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "model/spec.h"
#include "util/json.h"

namespace slm {

// How a stored tensor holds its parameters. Each has an inverse (name_table.h).
enum class Layout : uint8_t {
  kPlain,    // one parameter as it is
  kStacked,  // several, one below the other
  kPerHead,  // several, their rows interleaved: the first head's of each, the second's of each...
  kRowTensors,   // one parameter whose every row is a stored tensor; '*' in the name is the row
  kRotaryPairs,  // one parameter; within each head, rows i and i + half are stored side by side
};

// One row of a family's table. '#' in names is the layer. A row counts when the decoder has the
// parameters; a row for parameters it does not have is no error.
struct StoredName {
  std::vector<std::string_view> parameters;  // canonical names (spec.h)
  std::string_view stored;                   // the published name
  Layout layout = Layout::kPlain;
  bool zero_if_absent = false;  // some checkpoints leave it out
  std::string_view alias = {};  // a name under which some checkpoints store it kPlain
};

struct Family {
  std::vector<std::string_view> model_types;  // "model_type" values read; the first one is written
  DecoderSpec (*read)(const JsonObject& config);  // errors name the key
  Json (*write)(const DecoderSpec& spec);         // a config that read() turns into the spec, if
                                                  // the family has such decoders
  std::vector<StoredName> names;
};

extern const Family kGptNeox;        // StableLM-Alpha, Tuned-Alpha, GPT-NeoX-20B, Pythia
extern const Family kStableLm;       // StableLM-3B-4E1T, StableLM-2, Zephyr, stable-code
extern const Family kStableLmAlpha;  // StableLM-Alpha v2
extern const Family kLlama;          // LLaMA, StableVicuna

std::span<const Family* const> families();
// Error, listing what is known, for an unknown model_type; `origin` starts it.
const Family& family_of(std::string_view model_type, std::string_view origin);

}  // namespace slm
