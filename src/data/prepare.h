// From text to token files: documents in, ids out, by all cores, in the order of the input.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "data/conversations.h"
#include "data/record_reader.h"
#include "text/tokenizer.h"

namespace slm {

struct PrepareOptions {
  std::vector<std::filesystem::path> inputs;  // files or directories, see RecordReader
  std::filesystem::path output;               // prefix of .bin and .idx
  std::string field = "text";                 // of a JSON record
  TextUnit text_unit = TextUnit::kFile;
  const ChatFormat* chat = nullptr;  // not null: records are conversations in this format
  TreePaths tree_paths = TreePaths::kAll;
  bool append_eod = false;
  double valid_fraction = 0;  // every 1/f-th document goes to <output>_valid instead
  int workers = 0;            // 0: one per core
};

struct PrepareCounts {
  int64_t input_bytes = 0;           // as they lie in the files
  int64_t records = 0, dropped = 0;  // dropped: empty texts, conversations without an answer
  int64_t documents = 0, tokens = 0;
  int64_t valid_documents = 0, valid_tokens = 0;
};

// `progress`, when given, hears of every batch, one call at a time. Texts are encoded without
// begin or end tokens; special tokens written in them count as such, except in conversations.
// Nothing appears under the output names unless all succeeds.
PrepareCounts prepare_tokens(const Tokenizer& tokenizer, const PrepareOptions& options,
                             const std::function<void(const PrepareCounts&)>& progress = {});

// What separates documents: the tokenizer's end token.
int32_t eod_id(const Tokenizer& tokenizer);

}  // namespace slm
