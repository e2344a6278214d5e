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
  std::vector<std::filesystem::path> inputs;  // files, directories or patterns, see RecordReader
  std::filesystem::path output;               // prefix of .bin and .idx, see prepared_prefix
  std::vector<std::string> fields{"text"};    // of a JSON record; one output for each
  bool document_names = false;                // <output>_<field>_document, as other tools name them
  TextUnit text_unit = TextUnit::kFile;
  const ChatFormat* chat = nullptr;  // not null: records are conversations in this format
  bool labels = false;  // of conversations: <output>_label says which tokens are the assistant's
  TreePaths tree_paths = TreePaths::kAll;
  bool append_eod = false;
  double valid_fraction = 0;  // every 1/f-th document goes to <output>_valid instead
  int64_t shard_tokens = 0;   // above 0: <output>-00000, <output>-00001 ... of about so many
  int64_t part_tokens = int64_t{1} << 26;  // how much a kill may lose
  bool restart = false;                    // forget what an unfinished preparation left
  int workers = 0;                         // 0: one per core
};

struct PrepareCounts {
  int64_t input_bytes = 0;           // as they lie in the files
  int64_t records = 0, dropped = 0;  // dropped: empty texts, conversations without an answer
  int64_t documents = 0, tokens = 0;
  int64_t valid_documents = 0, valid_tokens = 0;
};

struct PrepareListener {
  std::function<void(const PrepareCounts&)> progress = {};         // every batch
  std::function<void(const PrepareCounts&)> continued = {};        // an earlier process got so far
  std::function<void(int64_t bytes, int64_t total)> joining = {};  // parts, at the end
};

// One call of the listener at a time. Texts are encoded without begin or end tokens; special tokens
// written in them count as such, except in conversations. Nothing appears under the output names
// unless all succeeds; killed, it goes on where it was when it is called again (prepared_parts.h).
PrepareCounts prepare_tokens(const Tokenizer& tokenizer, const PrepareOptions& options,
                             const PrepareListener& listener = {});

// Where the documents of `field` ("label" for labels) go.
std::filesystem::path prepared_prefix(const PrepareOptions& options, const std::string& field,
                                      bool valid);

}  // namespace slm
