// JSON as Python's json module writes it: escapes, spaces and numbers, byte for byte.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "eval/request.h"
#include "util/json.h"

namespace slm {

// repr() of a float, or NaN, Infinity, -Infinity.
std::string python_number(double value);

// In quotes; everything outside printable ASCII escaped. `text` is valid UTF-8.
std::string python_string(std::string_view text);

// json.dumps(value, indent=indent); negative: on one line.
std::string python_json(const Json& value, int indent = -1);

// SHA-256 of all [context, continuation] pairs, as the harness pins its tasks. Requests for
// generated text count with their stop strings in place of a continuation.
std::string request_list_hash(std::span<const Request> requests);

// SHA-256 of one request, the key of the harness's cache: ["loglikelihood", context, continuation].
std::string request_hash(const Request& request);

}  // namespace slm
