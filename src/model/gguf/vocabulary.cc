#include "model/gguf/vocabulary.h"

#include <algorithm>
#include <string_view>

#include "util/error.h"

namespace slm {
namespace {

constexpr std::string_view kModel = "tokenizer.ggml.model", kPre = "tokenizer.ggml.pre",
                           kTokens = "tokenizer.ggml.tokens", kTypes = "tokenizer.ggml.token_type",
                           kMerges = "tokenizer.ggml.merges", kScores = "tokenizer.ggml.scores",
                           kAddBos = "tokenizer.ggml.add_bos_token",
                           kAddEos = "tokenizer.ggml.add_eos_token",
                           kAddSpace = "tokenizer.ggml.add_space_prefix",
                           kTrim = "tokenizer.ggml.remove_extra_whitespaces",
                           kTemplate = "tokenizer.chat_template";

struct IdKey {
  std::string_view key;
  std::optional<int32_t> PortableVocabulary::*member;
};
constexpr IdKey kIds[] = {
    {"tokenizer.ggml.bos_token_id", &PortableVocabulary::bos},
    {"tokenizer.ggml.eos_token_id", &PortableVocabulary::eos},
    {"tokenizer.ggml.unknown_token_id", &PortableVocabulary::unknown},
    {"tokenizer.ggml.padding_token_id", &PortableVocabulary::padding},
    {"tokenizer.ggml.eot_token_id", &PortableVocabulary::eot},
};
constexpr std::string_view kStopKeys[] = {
    "tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"};

// Absent for ids that name no token; some writers put -1 or 2^32 - 1 for "none".
std::optional<int32_t> read_id(const GgufMetadata& m, std::string_view key, int64_t tokens) {
  if (!m.has(key)) return {};
  int64_t id = m.integer(key, -1, int64_t{UINT32_MAX});
  if (id < 0 || id >= tokens) return {};
  return int32_t(id);
}

void check_length(const GgufMetadata& m, std::string_view key, size_t length, size_t tokens) {
  check_data(length == 0 || length == tokens, "{}: key \"{}\" has {} elements for {} tokens",
             m.origin(), key, length, tokens);
}

}  // namespace

bool has_vocabulary(const GgufMetadata& metadata) {
  return metadata.has(kTokens) && metadata.string_or(kModel, "none") != "none";
}

PortableVocabulary read_vocabulary(const GgufMetadata& m) {
  PortableVocabulary v{.model = m.string(kModel)};
  v.tokens = m.strings(kTokens);
  v.pre = m.string_or(kPre, "");
  if (m.has(kTypes)) v.token_types = m.integers(kTypes);
  if (m.has(kMerges)) v.merges = m.strings(kMerges);
  if (m.has(kScores)) v.scores = m.numbers(kScores);
  check_length(m, kTypes, v.token_types.size(), v.tokens.size());
  check_length(m, kScores, v.scores.size(), v.tokens.size());
  for (const IdKey& id : kIds) v.*id.member = read_id(m, id.key, int64_t(v.tokens.size()));
  bool sentencepiece = v.model == "llama";
  v.add_bos = m.boolean_or(kAddBos, sentencepiece);
  v.add_eos = m.boolean_or(kAddEos, false);
  v.add_space_prefix = m.boolean_or(kAddSpace, sentencepiece);
  v.remove_extra_whitespaces = m.boolean_or(kTrim, false);
  v.chat_template = m.string_or(kTemplate, "");
  return v;
}

void write_vocabulary(const PortableVocabulary& v, GgufMetadata& m) {
  auto set = [&m](std::string_view key, GgufValue value) {
    m.set(std::string(key), std::move(value));
  };
  set(kModel, v.model);
  if (!v.pre.empty()) set(kPre, v.pre);
  set(kTokens, GgufArray(v.tokens));
  if (!v.token_types.empty()) set(kTypes, GgufArray(v.token_types));
  if (!v.merges.empty()) set(kMerges, GgufArray(v.merges));
  if (!v.scores.empty()) set(kScores, GgufArray(v.scores));
  for (const IdKey& id : kIds)
    if (v.*id.member) set(id.key, uint32_t(*(v.*id.member)));
  set(kAddBos, v.add_bos);
  set(kAddEos, v.add_eos);
  if (v.model == "llama") {
    set(kAddSpace, v.add_space_prefix);
    set(kTrim, v.remove_extra_whitespaces);
  }
  if (!v.chat_template.empty()) set(kTemplate, v.chat_template);
}

void write_no_vocabulary(GgufMetadata& metadata) { metadata.set(std::string(kModel), "none"); }

std::vector<int32_t> vocabulary_stop_ids(const GgufMetadata& metadata) {
  std::vector<int32_t> ids;
  int64_t tokens = metadata.has(kTokens) ? int64_t(metadata.strings(kTokens).size()) : INT32_MAX;
  for (std::string_view key : kStopKeys) {
    auto id = read_id(metadata, key, tokens);
    if (id && std::find(ids.begin(), ids.end(), *id) == ids.end()) ids.push_back(*id);
  }
  return ids;
}

}  // namespace slm
