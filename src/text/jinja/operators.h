// What Python's operators do with values of templates. Errors for operands they are not made for.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "text/jinja/value.h"

namespace slm::jinja {

// + - * / // % **
Value arithmetic(std::string_view op, const Value& left, const Value& right);
Value negated(const Value& value);
// == != < <= > >= in "not in"
bool compare(std::string_view op, const Value& left, const Value& right);

// What a loop goes through: items, keys, characters.
std::vector<Value> elements(const Value& value);
int64_t length(const Value& value);

// object.name and object[key]; undefined when there is none. Errors for undefined objects.
Value member(const Value& object, std::string_view name);
Value item(const Value& object, const Value& key);
// object[from:to:step] of a list or text.
Value slice(const Value& object, std::optional<int64_t> from, std::optional<int64_t> to,
            int64_t step);

int64_t to_integer(const Value& value, std::string_view what);
const Text& to_text(const Value& value, std::string_view what);

// Places where characters begin, and the end of the text.
std::vector<size_t> characters(const Text& text);

}  // namespace slm::jinja
