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
  kPerHead,  // several, their rows interleaved by kv head: those of each that belong to the first,
             // then to the second... With one kv head per head, head by head
  kTransposed,   // one or several, one below the other, and then transposed: [in, out] (Conv1D)
  kRowTensors,   // one parameter whose every row is a stored tensor; '*' in the name is the row
  kRotaryPairs,  // one parameter; within each head, rows i and i + half are stored side by side
};

// One row of a family's table. '#' in names is the layer, '^' the layer counted from 1, '$' one
// more than the number of layers. A row counts when the decoder has the parameters; a row for
// parameters it does not have is no error.
struct StoredName {
  std::vector<std::string_view> parameters;  // canonical names (spec.h)
  std::string_view stored;                   // the published name
  Layout layout = Layout::kPlain;
  bool zero_if_absent = false;  // some checkpoints leave it out
  std::string_view alias = {};  // a name under which some checkpoints store it kPlain
  bool (*when)(const DecoderSpec& spec) = nullptr;  // the row counts only then; null: always
};
using StoredNames = std::vector<StoredName>;

struct Family {
  std::vector<std::string_view> model_types;  // "model_type" values read; the first one is written
  DecoderSpec (*read)(const JsonObject& config);  // errors name the key
  Json (*write)(const DecoderSpec& spec);         // a config that read() turns into the spec, if
                                                  // the family has such decoders
  StoredNames names;                              // read and written
  StoredNames other_names;                        // some checkpoints have these instead: read only
};

// The same names without a leading "transformer." or the like.
StoredNames without_prefix(StoredNames names, std::string_view prefix);

extern const Family kGptNeox;        // StableLM-Alpha, Tuned-Alpha, GPT-NeoX-20B, Pythia, RedPajama
extern const Family kStableLm;       // StableLM-3B-4E1T, StableLM-2, Zephyr, stable-code
extern const Family kStableLmAlpha;  // StableLM-Alpha v2
extern const Family kLlama;          // LLaMA, StableVicuna, OpenLLaMA
extern const Family kMistral;        // Mistral-7B v0.1
extern const Family kQwen2;          // Qwen1.5, Qwen2
extern const Family kQwen;           // Qwen-7B, the first
extern const Family kBaichuan;       // Baichuan-7B, Baichuan2-7B
extern const Family kFalcon;         // Falcon 7B, 40B, RW
extern const Family kMpt;            // MPT-7B
extern const Family kPhi;            // phi-1, phi-1.5, phi-2
extern const Family kPhiMixer;       // the same in their second layout
extern const Family kMixformer;      // the same in their first layout
extern const Family kBtlm;           // BTLM-3B-8K
extern const Family kGptJ;           // GPT-J-6B
extern const Family kOpt;            // OPT
extern const Family kBloom;          // BLOOM
extern const Family kGpt2;           // GPT-2

std::span<const Family* const> families();
// Error, listing what is known, for an unknown model_type; `origin` starts it.
const Family& family_of(std::string_view model_type, std::string_view origin);

}  // namespace slm
