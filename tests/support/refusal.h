// The text of the error an action ends in.
#pragma once

#include <string>

#include "util/error.h"

namespace slm::testing {

std::string refusal(const auto& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace slm::testing
