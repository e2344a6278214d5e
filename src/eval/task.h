// A task: where its rows come from, how a row becomes a question, what is asked about it and how
// the answers count. Each is a table in a file of its own under tasks/. All of it follows the
// lm-evaluation-harness at commit df3da98c (July 2023), which made StableLM's published figures.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/request.h"
#include "util/json.h"

namespace slm {

enum class Split { kTrain, kValidation, kTest, kDev };

// One row, as the task understands it.
struct Document {
  std::string text;                  // what is asked
  std::string target;                // the right answer as it follows the text, space included
  std::vector<std::string> choices;  // the options as they are in the row, no space before them
  int64_t gold = 0;                  // the right one
  std::vector<int64_t> labels = {};  // of the choices, where several are right
  size_t first_choices = 0;          // how many of the choices belong to the first question of two

  bool operator==(const Document&) const = default;
};

// Where rows come from; see data_source.h for how files are found.
struct DataSpec {
  std::string dataset;                  // name and configuration on the Hugging Face Hub
  std::string row;                      // an example, for the reader of an error message
  std::vector<std::string> names = {};  // of files and folders, besides that of the task
  std::map<Split, std::vector<std::string>> release = {};  // original files, relative paths
  std::vector<std::string> columns = {};  // keys of a .csv file without a header; one that is
                                          // repeated becomes an array
  std::string filter_key = {}, filter_value = {};     // only rows in which key is value
  std::map<Split, std::filesystem::path> files = {};  // where they are unless the user says
  bool plain_text = false;                            // any .txt file will do, as {"text": ...}
  int64_t documents = 0;                              // of the whole evaluated split; 0: not known
};

// How the examples before a question are chosen.
enum class Examples {
  kSample,        // drawn from the split of examples
  kSampleOthers,  // drawn from the split of examples, which may hold the question: it is left out
  kFirst,         // the first ones of the split of examples
  kNone,          // the prompt has its own: none may be added
};

enum class Aggregation {
  kMean,
  kPerplexity,          // exp(-mean); standard error by bootstrap
  kWeightedPerplexity,  // exp(-sum of values / sum of weights); no standard error
  kBitsPerWeight,       // -sum of values / sum of weights / ln 2; no standard error
};

struct Metric {
  std::string name;
  Aggregation aggregation = Aggregation::kMean;
};

// What one document adds to one metric.
struct MetricItem {
  double value = 0, weight = 1;
};

struct Task {
  std::string name;
  int version = 0;
  std::string about;  // one line for --list-tasks
  DataSpec data;
  Split evaluated = Split::kTest;
  Examples examples = Examples::kSample;
  Split examples_split = Split::kTrain;
  std::string description = {};   // before the examples; this task's own overrides any other
  std::optional<int> shots = {};  // examples when the user does not say; set by groups
  std::vector<Metric> metrics;

  // Errors name the file and line (the origin of the object) and the key.
  std::function<Document(const JsonObject& row)> document;
  // What is asked, in order; kind, context, continuation, stop and max_tokens are to be filled in.
  std::function<std::vector<Request>(const Document&, const std::string& context)> requests;
  // One item per metric, from one score per request.
  std::function<std::vector<MetricItem>(const Document&, std::span<const Score>)> process;
};

}  // namespace slm
