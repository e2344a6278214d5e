// The tensor names of GPT-2's checkpoints, for families that began as GPT-2.
#pragma once

#include "model/families/families.h"

namespace slm {

StoredNames gpt2_names();

}  // namespace slm
