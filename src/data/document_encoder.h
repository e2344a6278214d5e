// Records in, documents of ids out: what preparation does on all cores.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "data/input_batches.h"
#include "data/prepare.h"
#include "util/json.h"

namespace slm {

using Document = std::vector<int32_t>;

struct EncodedBatch {
  std::vector<std::vector<Document>> documents;  // per output: fields, or tokens and labels
  int64_t records = 0, dropped = 0, input_bytes = 0;
  InputPosition end;
};

// Safe to call from many threads.
class DocumentEncoder {
 public:
  DocumentEncoder(const Tokenizer& tokenizer, const PrepareOptions& options);

  size_t outputs() const;
  EncodedBatch operator()(const InputBatch& batch) const;

 private:
  bool add_record(const Record& record, const std::string& origin, EncodedBatch& out) const;
  bool add_conversations(const Json& row, const std::string& origin, EncodedBatch& out) const;
  bool add_text(const std::string& text, std::vector<Document>& out) const;

  const Tokenizer& tokenizer_;
  const PrepareOptions& options_;
  std::optional<int32_t> eod_;
};

// The id of <|endoftext|>, else the tokenizer's end token; error when there is neither.
int32_t eod_id(const Tokenizer& tokenizer);

}  // namespace slm
