// What a model answered, document by document, in a .jsonl file per task beside the results.
//
// A line is {"doc_id": 3, "metrics": {"acc": 1.0, ..}, "gold": 2, "requests": [{"context": ..,
// "continuation": .., "log_likelihood": .., "greedy": ..}, ..]}, documents in evaluation order; a
// request for a text has "generated" instead. Numbers that are none are null.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "eval/evaluation.h"

namespace slm {

// results.json -> results.TASK.samples.jsonl
std::filesystem::path samples_path(const std::filesystem::path& results, const std::string& task);

void write_samples(const std::filesystem::path& file, const Evaluation& evaluation, size_t task,
                   std::span<const Score> scores);

}  // namespace slm
