// The published StableLM models by name: what their config.json says, so that one of the same shape
// can be made without a download.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/load.h"

namespace slm {

std::vector<std::string_view> published_config_names();

// "stablelm-3b-4e1t", as on the Hugging Face Hub without the organisation. Error kNotFound, listing
// all, for another name.
ModelConfig published_config(std::string_view name);

}  // namespace slm
