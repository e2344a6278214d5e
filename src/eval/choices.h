// What most tasks share: a question with options, each scored as the continuation of the question.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eval/task.h"

namespace slm {

// The strings of an array that is a value of a row. Errors when it is anything else.
std::vector<std::string> strings(const JsonObject& row, std::string_view key);
std::vector<std::string> strings(const Json& array, const std::string& what);

// A label: true or false, a number or digits, counted from `first`; or a letter from A on. The
// result counts from 0 and is below `count`.
int64_t label(const JsonObject& row, std::string_view key, int64_t first, int64_t count);

// A document whose options are `choices`. Errors when there are none, one is empty, or `gold` is
// none of them.
Document choice_document(const JsonObject& row, std::string text, std::vector<std::string> choices,
                         int64_t gold);

// One log-likelihood per option, each after one space.
std::vector<Request> one_per_choice(const Document& document, const std::string& context);

// The first of the largest; the first NaN where there is one, as in NumPy.
size_t argmax(std::span<const double> values);

// acc: the likeliest option is the right one. acc_norm: so is the likeliest per character.
std::vector<MetricItem> accuracy(const Document& document, std::span<const Score> scores);
std::vector<Metric> accuracy_metrics();

}  // namespace slm
