// Integer arithmetic on numbers from outside: refuses to wrap.
#pragma once

#include <concepts>
#include <string_view>

#include "util/error.h"

namespace slm {

// a * b and a + b; `what` names the quantity in the error.
template <std::integral T>
T checked_mul(T a, T b, std::string_view what) {
  T out;
  check_data(!__builtin_mul_overflow(a, b, &out), "{}: {} x {} does not fit in {} bits", what, a, b,
             8 * sizeof(T));
  return out;
}

template <std::integral T>
T checked_add(T a, T b, std::string_view what) {
  T out;
  check_data(!__builtin_add_overflow(a, b, &out), "{}: {} + {} does not fit in {} bits", what, a, b,
             8 * sizeof(T));
  return out;
}

}  // namespace slm
