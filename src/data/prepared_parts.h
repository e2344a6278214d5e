// The token files of a preparation, written in parts: what is finished of them stays when the
// process is killed, and the next one goes on behind it.
//
// While it runs, PREFIX.part-00000.bin and .idx, PREFIX.part-00001... hold finished parts of every
// output, and the journal beside them says how far in the inputs they reach. At the end the parts
// are joined, or, where shards are asked for, renamed to PREFIX-00000 and so on; then the journal
// goes away.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "data/document_encoder.h"
#include "data/prepare.h"
#include "data/token_file.h"
#include "util/json.h"

namespace slm {

struct PreparedFile {
  std::filesystem::path prefix;
  TokenType type;
  TokenFileWriter::Content content = TokenFileWriter::Content::kTokens;
};

class PreparedParts {
 public:
  // `files`: for each output the training file, then, with a validation fraction, that of
  // validation. `job` describes the inputs and all that decides what becomes of them: a journal of
  // another job is refused, unless `options.restart`.
  PreparedParts(std::vector<PreparedFile> files, const PrepareOptions& options, Json job);

  const PrepareCounts& counts() const { return counts_; }  // of all parts, also earlier ones
  InputPosition position() const { return position_; }

  void add(const EncodedBatch& batch);
  void finish(const std::function<void(int64_t, int64_t)>& joining);

 private:
  bool read_journal();
  void open_part();
  void close_part();
  void add_document(size_t output, const Document& document);
  std::filesystem::path part_prefix(const PreparedFile& file, int64_t part) const;
  void move_part(const PreparedFile& file, int64_t part, const std::filesystem::path& to) const;
  void join(const PreparedFile& file, const std::function<void(int64_t, int64_t)>& joining) const;
  void remove_parts() const;
  bool has_valid() const { return options_.valid_fraction > 0; }

  std::vector<PreparedFile> files_;
  const PrepareOptions& options_;
  Json job_;
  std::filesystem::path journal_;
  int64_t parts_ = 0;                    // finished
  std::deque<TokenFileWriter> writers_;  // of the open part, as files_; empty: none is open
  std::vector<int64_t> documents_;       // per output so far, training and validation
  PrepareCounts counts_;
  InputPosition position_;
};

}  // namespace slm
