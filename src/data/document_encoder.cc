#include "data/document_encoder.h"

#include <utility>

#include "data/conversation_labels.h"
#include "data/token_file.h"
#include "util/error.h"

namespace slm {
namespace {

// A null is as good as an empty text.
std::string text_field(const JsonObject& row, const std::string& field) {
  bool is_null = row.json().contains(field) && row.json()[field].is_null();
  return is_null ? std::string() : row.string(field);
}

}  // namespace

int32_t eod_id(const Tokenizer& tokenizer) {
  if (auto id = tokenizer.find("<|endoftext|>")) return *id;
  if (auto id = tokenizer.eos()) return *id;
  fail(ErrorKind::kInvalid, "the tokenizer has no <|endoftext|> and no end token to append");
}

DocumentEncoder::DocumentEncoder(const Tokenizer& tokenizer, const PrepareOptions& options)
    : tokenizer_(tokenizer), options_(options) {
  if (options.append_eod) eod_ = eod_id(tokenizer);
}

size_t DocumentEncoder::outputs() const {
  return options_.chat ? 1 + options_.labels : options_.fields.size();
}

EncodedBatch DocumentEncoder::operator()(const InputBatch& batch) const {
  EncodedBatch out;
  out.documents.resize(outputs());
  out.input_bytes = batch.input_bytes;
  out.end = batch.end;
  for (const Record& record : batch.records) {
    ++out.records;
    out.dropped += !add_record(record, format("{}:{}", batch.file, record.line), out);
  }
  return out;
}

bool DocumentEncoder::add_record(const Record& record, const std::string& origin,
                                 EncodedBatch& out) const {
  if (!record.json) {
    check_data(!options_.chat, "{}: conversations are read from .json, .jsonl or .parquet files",
               origin);
    check_data(options_.fields.size() == 1, "{}: plain text has no fields to choose from", origin);
    return add_text(record.text, out.documents[0]);
  }
  Json json = parse_json(record.text, origin);
  if (options_.chat) return add_conversations(json, origin, out);
  JsonObject row(json, origin);
  bool added = false;
  for (size_t f = 0; f < options_.fields.size(); ++f)
    added |= add_text(text_field(row, options_.fields[f]), out.documents[f]);
  return added;
}

bool DocumentEncoder::add_conversations(const Json& row, const std::string& origin,
                                        EncodedBatch& out) const {
  bool added = false;
  for (const Conversation& c : read_conversations(row, origin, options_.tree_paths)) {
    Document ids = encode_chat(tokenizer_, *options_.chat, c, false);
    if (ids.empty()) continue;
    if (options_.labels) {
      Document labels = conversation_labels(tokenizer_, *options_.chat, c, ids);
      if (eod_) labels.push_back(*eod_);
      out.documents[1].push_back(std::move(labels));
    }
    if (eod_) ids.push_back(*eod_);
    out.documents[0].push_back(std::move(ids));
    added = true;
  }
  return added;
}

bool DocumentEncoder::add_text(const std::string& text, std::vector<Document>& out) const {
  Document ids;
  if (!text.empty()) ids = tokenizer_.encode(text);
  if (ids.empty()) return false;
  if (eod_) ids.push_back(*eod_);
  out.push_back(std::move(ids));
  return true;
}

}  // namespace slm
