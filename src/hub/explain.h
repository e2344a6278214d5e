// What a hub's refusal means and what to do about it.
#pragma once

#include <string>

#include "hub/http.h"

namespace slm {

// Error unless the answer is a success. `what`: "ORG/NAME" or a file of it.
void check_success(const HttpResponse& response, const std::string& what,
                   const HubSettings& settings);

}  // namespace slm
