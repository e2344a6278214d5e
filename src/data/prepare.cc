#include "data/prepare.h"

#include "data/document_encoder.h"
#include "data/ordered_work.h"
#include "data/prepared_parts.h"
#include "util/cores.h"
#include "util/error.h"

namespace slm {
namespace {

// Two tokenizers that agree on this and in size are taken for the same one.
constexpr std::string_view kProbe =
    "The quick brown fox, 1234567890 times:\n\tjumps over \"lazy\" dogs -- don't you see? Émile's "
    "naïve café; x = f(y[0]) + 3.14;  <|endoftext|>";

// All that decides which bytes come out.
Json describe_job(const Tokenizer& tokenizer, const PrepareOptions& o,
                  const std::vector<std::filesystem::path>& files) {
  Json inputs = Json::array();
  for (const auto& file : files) {
    std::error_code missing;  // is reported when it is opened
    auto size = std::filesystem::file_size(file, missing);
    auto time = std::filesystem::last_write_time(file, missing).time_since_epoch().count();
    inputs.push_back({{"file", file.string()}, {"bytes", size}, {"changed", int64_t(time)}});
  }
  return {{"inputs", inputs},
          {"fields", o.fields},
          {"document_names", o.document_names},
          {"text_unit", int(o.text_unit)},
          {"chat", o.chat ? render(*o.chat, std::vector<Message>{{"user", "q"}, {"assistant", "a"}},
                                   false, &tokenizer)
                          : ""},
          {"labels", o.labels},
          {"tree_paths", int(o.tree_paths)},
          {"append_eod", o.append_eod},
          {"valid_fraction", o.valid_fraction},
          {"shard_tokens", o.shard_tokens},
          {"vocabulary", tokenizer.size()},
          {"probe", tokenizer.encode(kProbe)}};
}

std::vector<PreparedFile> output_files(const Tokenizer& tokenizer, const PrepareOptions& o) {
  using Content = TokenFileWriter::Content;
  std::vector<PreparedFile> files;
  auto add = [&](const std::string& field, TokenType type, Content content) {
    files.push_back({prepared_prefix(o, field, false), type, content});
    if (o.valid_fraction > 0) files.push_back({prepared_prefix(o, field, true), type, content});
  };
  TokenType type = token_type_for(tokenizer.size());
  if (o.chat) {
    add("text", type, Content::kTokens);
    if (o.labels) add("label", TokenType::kI32, Content::kLabels);
  } else {
    for (const std::string& field : o.fields) add(field, type, Content::kTokens);
  }
  return files;
}

void check_options(const PrepareOptions& o) {
  check(o.valid_fraction >= 0 && o.valid_fraction < 1,
        "[prepare] the validation fraction must lie in 0..1, found {}", o.valid_fraction);
  check(!o.inputs.empty(), "[prepare] no input files are given");
  check(!o.fields.empty(), "[prepare] no field is given");
  check(!o.labels || o.chat, "[prepare] only conversations have labels: choose a chat format");
}

}  // namespace

std::filesystem::path prepared_prefix(const PrepareOptions& o, const std::string& field,
                                      bool valid) {
  std::filesystem::path prefix = o.output;
  if (valid) prefix += "_valid";
  bool named = o.document_names || (!o.chat && o.fields.size() > 1);
  if (named)
    prefix += "_" + field + "_document";
  else if (o.chat && field == "label")
    prefix += "_label";
  return prefix;
}

PrepareCounts prepare_tokens(const Tokenizer& tokenizer, const PrepareOptions& options,
                             const PrepareListener& listener) {
  check_options(options);
  auto files = expand_inputs(options.inputs);
  DocumentEncoder encode(tokenizer, options);
  PreparedParts parts(output_files(tokenizer, options), options,
                      describe_job(tokenizer, options, files));
  if (parts.counts().records > 0 && listener.continued) listener.continued(parts.counts());
  InputBatches inputs(std::move(files), options.text_unit,
                      options.chat ? std::vector<std::string>() : options.fields, parts.position());
  auto write = [&](const EncodedBatch& batch) {
    parts.add(batch);
    if (listener.progress) listener.progress(parts.counts());
  };
  int workers = options.workers > 0 ? options.workers : allowed_cores();
  work_in_order<InputBatch, EncodedBatch>(
      workers, [&](InputBatch& b) { return inputs.next(b); }, encode, write);
  parts.finish(listener.joining);
  return parts.counts();
}

}  // namespace slm
