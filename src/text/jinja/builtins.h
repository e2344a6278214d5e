// The filters, tests, functions and methods that templates may call. Null for unknown names.
#pragma once

#include <string_view>

#include "text/jinja/machine.h"

namespace slm::jinja {

using FilterFunction = Value (*)(Machine&, const Value& input, const Arguments&);
FilterFunction find_filter(std::string_view name);

using TestFunction = bool (*)(const Value& input, const Arguments&);
TestFunction find_test(std::string_view name);

using Function = Value (*)(Machine&, const Arguments&);
Function find_function(std::string_view name);  // range, namespace, raise_exception, ...

// object.name(...)
using Method = Value (*)(const Value& object, const Arguments&);
Method find_method(const Value& object, std::string_view name);

// Shared by filters and methods.
Text strip(const Text& text, const Value* characters, bool left, bool right);
Text replaced(const Text& text, const Text& from, const Text& to, int64_t most);
Text upper(const Text& text);
Text lower(const Text& text);
Text capitalized(const Text& text);

}  // namespace slm::jinja
