// Per-document results, as `evaluate --log-samples` leaves them beside a result file: what a paired
// comparison needs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace slm {

struct Sample {
  int64_t doc_id = 0;
  std::vector<std::string> asked;         // the ends of the contexts and the continuations
  std::map<std::string, double> metrics;  // before aggregation; without those that are not finite
};

// Whether both are about the same document: examples and descriptions before it may differ.
bool same_document(const Sample& a, const Sample& b);

// Ordered by doc_id. Errors name file, line and key.
std::vector<Sample> read_samples(const std::filesystem::path& path);

}  // namespace slm
