#include "model/families/families.h"

#include <algorithm>

#include "util/error.h"

namespace slm {
namespace {

// The list: one line each.
const Family* const kFamilies[] = {
    &kGptNeox,   &kStableLm, &kStableLmAlpha, &kLlama, &kMistral, &kQwen2,
    &kQwen,      &kBaichuan, &kFalcon,        &kMpt,   &kPhi,     &kPhiMixer,
    &kMixformer, &kBtlm,     &kGptJ,          &kOpt,   &kBloom,   &kGpt2,
};

}  // namespace

StoredNames without_prefix(StoredNames names, std::string_view prefix) {
  for (StoredName& row : names)
    if (row.stored.starts_with(prefix)) row.stored.remove_prefix(prefix.size());
  return names;
}

std::span<const Family* const> families() { return kFamilies; }

const Family& family_of(std::string_view model_type, std::string_view origin) {
  std::string known;
  for (const Family* family : kFamilies) {
    const auto& types = family->model_types;
    if (std::find(types.begin(), types.end(), model_type) != types.end()) return *family;
    for (std::string_view type : types) known += format("{}{}", known.empty() ? "" : ", ", type);
  }
  fail(ErrorKind::kUnsupported, "{}: model_type \"{}\" is not supported; known are {}", origin,
       model_type, known);
}

}  // namespace slm
