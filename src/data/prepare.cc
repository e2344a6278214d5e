#include "data/prepare.h"

#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "data/ordered_work.h"
#include "data/token_file.h"
#include "util/error.h"
#include "util/json.h"
#include "util/thread_pool.h"

namespace slm {
namespace {

constexpr size_t kBatchBytes = size_t{1} << 17;
constexpr size_t kBatchRecords = 1024;

struct Batch {
  std::string file;
  std::vector<Record> records;
  int64_t input_bytes;  // read so far in all
};

struct Encoded {
  std::vector<std::vector<int32_t>> documents;
  int64_t records = 0, dropped = 0, input_bytes = 0;
};

// Hands out the records of all inputs in batches; a batch never spans two files.
class Inputs {
 public:
  Inputs(std::vector<std::filesystem::path> files, TextUnit unit)
      : files_(std::move(files)), unit_(unit) {}

  bool next(Batch& batch) {
    while (true) {
      if (!reader_) {
        if (at_ == files_.size()) return false;
        reader_.emplace(files_[at_], unit_);
      }
      batch.file = files_[at_].string();
      size_t bytes = 0;
      Record record;
      while (bytes < kBatchBytes && batch.records.size() < kBatchRecords && reader_->next(record)) {
        bytes += record.text.size();
        batch.records.push_back(std::move(record));
      }
      batch.input_bytes = finished_bytes_ + reader_->consumed();
      if (!batch.records.empty()) return true;
      finished_bytes_ += reader_->consumed();
      reader_.reset();
      ++at_;
    }
  }

 private:
  std::vector<std::filesystem::path> files_;
  TextUnit unit_;
  size_t at_ = 0;
  std::optional<RecordReader> reader_;
  int64_t finished_bytes_ = 0;
};

class Encoder {
 public:
  Encoder(const Tokenizer& tokenizer, const PrepareOptions& options)
      : tokenizer_(tokenizer), options_(options) {
    if (options.append_eod) eod_ = eod_id(tokenizer);
  }

  Encoded operator()(const Batch& batch) const {
    Encoded out;
    out.input_bytes = batch.input_bytes;
    for (const Record& record : batch.records) {
      ++out.records;
      size_t before = out.documents.size();
      std::string origin = format("{}:{}", batch.file, record.line);
      if (options_.chat) {
        add_conversations(record, origin, out);
      } else {
        add_text(record.json ? text_field(record, origin) : record.text, out);
      }
      out.dropped += out.documents.size() == before;
    }
    return out;
  }

 private:
  std::string text_field(const Record& record, const std::string& origin) const {
    Json json = parse_json(record.text, origin);
    return JsonObject(json, origin).string(options_.field);
  }

  void add_conversations(const Record& record, const std::string& origin, Encoded& out) const {
    check_data(record.json, "{}: conversations are read from .json or .jsonl files", origin);
    Json json = parse_json(record.text, origin);
    for (const Conversation& c : read_conversations(json, origin, options_.tree_paths))
      add_ids(encode_chat(tokenizer_, *options_.chat, c, false), out);
  }

  void add_text(const std::string& text, Encoded& out) const {
    if (!text.empty()) add_ids(tokenizer_.encode(text), out);
  }

  void add_ids(std::vector<int32_t> ids, Encoded& out) const {
    if (ids.empty()) return;
    if (eod_) ids.push_back(*eod_);
    out.documents.push_back(std::move(ids));
  }

  const Tokenizer& tokenizer_;
  const PrepareOptions& options_;
  std::optional<int32_t> eod_;
};

// The outputs, and which document goes where: spread evenly, so that every part of the input is
// validated on, and by number, so that the split does not depend on the machine.
class Outputs {
 public:
  Outputs(const PrepareOptions& options, TokenType type)
      : fraction_(options.valid_fraction), train_(options.output, type) {
    if (fraction_ > 0) {
      auto prefix = options.output;
      valid_.emplace(prefix += "_valid", type);
    }
  }

  void add(std::span<const int32_t> document, PrepareCounts& counts) {
    double number = double(counts.documents + counts.valid_documents);
    bool valid = std::floor((number + 1) * fraction_) > std::floor(number * fraction_);
    (valid ? *valid_ : train_).add(document);
    ++(valid ? counts.valid_documents : counts.documents);
    (valid ? counts.valid_tokens : counts.tokens) += int64_t(document.size());
  }

  void commit() {
    train_.commit();
    if (valid_) valid_->commit();
  }

 private:
  double fraction_;
  TokenFileWriter train_;
  std::optional<TokenFileWriter> valid_;
};

}  // namespace

int32_t eod_id(const Tokenizer& tokenizer) {
  if (auto id = tokenizer.find("<|endoftext|>")) return *id;
  if (auto id = tokenizer.eos()) return *id;
  fail(ErrorKind::kInvalid, "the tokenizer has no <|endoftext|> and no end token to append");
}

PrepareCounts prepare_tokens(const Tokenizer& tokenizer, const PrepareOptions& options,
                             const std::function<void(const PrepareCounts&)>& progress) {
  check(options.valid_fraction >= 0 && options.valid_fraction < 1,
        "[prepare] the validation fraction must lie in 0..1, found {}", options.valid_fraction);
  check(!options.inputs.empty(), "[prepare] no input files are given");
  if (options.output.has_parent_path())
    std::filesystem::create_directories(options.output.parent_path());
  Inputs inputs(expand_inputs(options.inputs), options.text_unit);
  Encoder encode(tokenizer, options);
  Outputs outputs(options, token_type_for(tokenizer.size()));
  PrepareCounts counts;
  auto write = [&](const Encoded& batch) {
    for (const auto& document : batch.documents) outputs.add(document, counts);
    counts.records += batch.records;
    counts.dropped += batch.dropped;
    counts.input_bytes = batch.input_bytes;
    if (progress) progress(counts);
  };
  int workers = options.workers > 0 ? options.workers : allowed_cores();
  work_in_order<Batch, Encoded>(
      workers, [&](Batch& b) { return inputs.next(b); }, encode, write);
  check_data(counts.documents > 0, "[prepare] the inputs hold no text");
  outputs.commit();
  return counts;
}

}  // namespace slm
