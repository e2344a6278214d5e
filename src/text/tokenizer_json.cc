// tokenizer.json of the Hugging Face tokenizers library: the part of its schema that BPE models
// use.
#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "text/byte_level.h"
#include "text/json_reader.h"
#include "text/tokenizer_json_steps.h"
#include "text/tokenizer_parts.h"
#include "text/unicode.h"

namespace slm {
namespace {

struct Reader {
  TokenizerParts parts;
  DecoderSteps decoder;

  // A string of the vocabulary as the bytes it stands for; nothing when it stands for none, as
  // special tokens with characters outside the byte-level alphabet do.
  std::optional<std::string> bytes_of(std::string_view token) const {
    if (parts.model.byte_level) return bytes_from_alphabet(token);
    return std::string(token);
  }

  void read_vocab(const JsonView& vocab);
  void read_merge(std::string_view left, std::string_view right, uint32_t rank,
                  const std::string& where);
  void read_merges(const JsonView& merges);
  void find_byte_ids(bool fallback);
  void read_model(const JsonView& model);
  void read_added_tokens(const JsonView& tokens);
  void read_post_processor(const JsonView& processor, int depth);
  void write_texts();
};

void Reader::read_vocab(const JsonView& vocab) {
  auto object = vocab.object();
  parts.model.vocab.reserve(object.size());
  std::vector<std::pair<int32_t, std::string_view>> literal;
  for (auto [token, value] : object) {
    int64_t id;
    bool ok = value.get(id) == simdjson::SUCCESS && id >= 0 && id < kMaxTokens;
    if (!ok) {
      fail(ErrorKind::kCorrupt, "{}: token \"{}\" must have an id from 0 to {}, found {}",
           vocab.where(), token, kMaxTokens - 1, json_excerpt(value));
    }
    if (token.empty()) continue;
    if (auto bytes = bytes_of(token)) {
      parts.model.vocab.add(int32_t(id), *bytes, vocab.where());
    } else {
      literal.emplace_back(int32_t(id), token);
    }
  }
  parts.texts = parts.model.vocab.texts();
  for (auto [id, token] : literal) {
    check_data(parts.texts[id].empty(), "{}: two tokens have the same id {}", vocab.where(), id);
    parts.texts.set(id, token);
  }
}

void Reader::read_merge(std::string_view left, std::string_view right, uint32_t rank,
                        const std::string& where) {
  const Vocabulary& vocab = parts.model.vocab;
  auto l = bytes_of(left), r = bytes_of(right);
  auto id = [&](const std::string& bytes) { return bytes.empty() ? kNoToken : vocab.find(bytes); };
  int32_t left_id = l ? id(*l) : kNoToken, right_id = r ? id(*r) : kNoToken;
  int32_t merged = l && r ? id(*l + *r) : kNoToken;
  bool ok = left_id != kNoToken && right_id != kNoToken && merged != kNoToken;
  if (ok) return parts.model.merges.set(left_id, right_id, {rank, merged});
  std::string missing(left_id == kNoToken ? left : right);
  if (left_id != kNoToken && right_id != kNoToken) missing = std::string(left).append(right);
  fail(ErrorKind::kCorrupt, "{}[{}] merges \"{}\" and \"{}\", but \"{}\" is not in the vocabulary",
       where, rank, left, right, missing);
}

// "left right"; nothing when it is not two strings with one space between.
std::optional<std::pair<std::string_view, std::string_view>> two_words(std::string_view line) {
  size_t space = line.find(' ');
  if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) {
    return {};
  }
  return std::pair(line.substr(0, space), line.substr(space + 1));
}

void Reader::read_merges(const JsonView& merges) {
  auto list = merges.array();
  parts.model.merges.reserve(list.size());
  uint32_t rank = 0;
  for (auto item : list) {
    std::string_view line, left, right;
    simdjson::dom::array pair;
    bool ok = false;
    if (item.get(line) == simdjson::SUCCESS) {
      if (auto words = two_words(line)) std::tie(left, right) = *words, ok = true;
    } else if (item.get(pair) == simdjson::SUCCESS && pair.size() == 2) {
      ok = pair.at(0).get(left) == simdjson::SUCCESS && pair.at(1).get(right) == simdjson::SUCCESS;
    }
    if (!ok) {
      fail(ErrorKind::kCorrupt, "{}[{}] must be \"left right\" or a list of two strings, found {}",
           merges.where(), rank, json_excerpt(item));
    }
    read_merge(left, right, rank++, merges.where());
  }
}

// Symbols of bytes: the one-byte tokens, or <0x41> and the like where unknown characters are spelt.
void Reader::find_byte_ids(bool fallback) {
  BpeModel& model = parts.model;
  for (int b = 0; b < 256; ++b) {
    int32_t& id = model.byte_ids[size_t(b)];
    if (model.byte_level) id = model.vocab.find(std::string(1, char(b)));
    if (!model.byte_level && fallback) id = model.vocab.find(byte_token(b));
  }
}

void Reader::read_model(const JsonView& model) {
  if (auto type = model.find("type"); type && type->string() != "BPE") {
    fail(ErrorKind::kUnsupported, "{} is \"{}\"; only \"BPE\" is supported", type->where(),
         type->string());
  }
  for (std::string_view key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    auto affix = model.find(key);
    if (affix && !affix->string().empty()) {
      fail(ErrorKind::kUnsupported, "{} is \"{}\"; only tokenizers without one are supported",
           affix->where(), affix->string());
    }
  }
  if (auto dropout = model.find("dropout")) {
    fail(ErrorKind::kUnsupported, "{} is set; random merges are not supported", dropout->where());
  }
  read_vocab(model.at("vocab"));
  read_merges(model.at("merges"));
  parts.model.whole_pieces_first = model.boolean_or("ignore_merges", false);
  parts.model.fuse_unknown = model.boolean_or("fuse_unk", false);
  if (auto unknown = model.find("unk_token"); unknown && !unknown->string().empty()) {
    auto bytes = bytes_of(unknown->string());
    parts.model.unknown = bytes ? parts.model.vocab.find(*bytes) : kNoToken;
  }
  find_byte_ids(model.boolean_or("byte_fallback", false));
}

void Reader::read_added_tokens(const JsonView& tokens) {
  tokens.each([&](const JsonView& t) {
    int64_t id = t.at("id").integer();
    check_data(id >= 0 && id < kMaxTokens, "{}.id is {}, expected 0 to {}", t.where(), id,
               kMaxTokens - 1);
    // In the vocabulary such a token may be written in the byte-level alphabet, or as it is.
    auto content = t.at("content").string();
    auto bytes = bytes_of(content);
    if (bytes && parts.model.vocab[int32_t(id)] == *bytes) parts.texts.set(int32_t(id), content);
    bool special = t.boolean_or("special", false);
    parts.add({.id = int32_t(id),
               .content = std::string(content),
               .special = special,
               .normalized = t.boolean_or("normalized", !special),
               .single_word = t.boolean_or("single_word", false),
               .lstrip = t.boolean_or("lstrip", false),
               .rstrip = t.boolean_or("rstrip", false)},
              t.where());
  });
}

// Only says which tokens frame a text by custom; they are added when asked for.
void Reader::read_post_processor(const JsonView& processor, int depth) {
  check_data(depth < 8, "{} is nested too deeply", processor.where());
  std::string_view type = processor.at("type").string();
  if (type == "Sequence") {
    processor.at("processors").each([&](const JsonView& p) { read_post_processor(p, depth + 1); });
  } else if (type == "TemplateProcessing") {
    bool before = true;
    processor.at("single").each([&](const JsonView& item) {
      if (item.find("Sequence")) before = false;
      auto special = item.find("SpecialToken");
      if (!special) return;
      (before ? parts.bos : parts.eos) = special->at("id").string();
      (before ? parts.adds_bos : parts.adds_eos) = true;
    });
  } else if (type != "ByteLevel") {
    fail(ErrorKind::kUnsupported, "{}.type \"{}\" is not supported", processor.where(), type);
  }
}

void Reader::write_texts() {
  if (parts.model.byte_level) return;
  if (decoder.drop_leading_space) parts.leading_space = LeadingSpace::kDropOne;
  if (decoder.byte_tokens) parts.invalid_bytes = InvalidBytes::kEachByte;
  TokenTexts texts;
  for (int32_t id = 0; id < parts.model.vocab.size(); ++id) {
    if (std::string_view token = parts.model.vocab[id]; !token.empty()) {
      texts.set(id, decoder.text_of(token));
    }
  }
  parts.texts = std::move(texts);
}

}  // namespace

TokenizerParts read_tokenizer_json(std::string_view json, std::string_view origin) {
  simdjson::dom::parser parser;
  JsonView root = parse_json_view(parser, json, origin);
  Reader reader;
  TokenizerParts& parts = reader.parts;
  if (auto n = root.find("normalizer")) read_normalizer(*n, parts.normalizer);
  parts.model.byte_level = false;
  if (auto p = root.find("pre_tokenizer")) {
    parts.model.byte_level = read_pre_tokenizer(*p, parts.pre_tokenizer);
  }
  if (auto d = root.find("decoder")) read_decoder(*d, reader.decoder);
  reader.read_model(root.at("model"));
  reader.write_texts();
  if (auto added = root.find("added_tokens")) reader.read_added_tokens(*added);
  if (auto post = root.find("post_processor")) reader.read_post_processor(*post, 0);
  return std::move(parts);
}

TokenizerParts read_vocab_and_merges(std::string_view vocab_json, std::string_view merges_txt,
                                     std::string_view origin) {
  simdjson::dom::parser parser;
  Reader reader;
  TokenizerParts& parts = reader.parts;
  parts.model.byte_level = true;
  parts.pre_tokenizer.steps.push_back({.matcher = match_gpt2});
  reader.read_vocab(parse_json_view(parser, vocab_json, origin));
  std::string where = format("{}: merges", origin);
  check_data(is_valid_utf8(merges_txt), "{}: not UTF-8", where);
  uint32_t rank = 0;
  while (!merges_txt.empty()) {
    std::string_view line = merges_txt.substr(0, merges_txt.find('\n'));
    bool first = rank == 0 && line.starts_with("#version");
    merges_txt.remove_prefix(std::min(merges_txt.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (first || line.empty()) continue;
    auto words = two_words(line);
    check_data(words.has_value(), "{}[{}] must be \"left right\", found \"{}\"", where, rank, line);
    reader.read_merge(words->first, words->second, rank++, where);
  }
  reader.find_byte_ids(false);
  constexpr std::string_view kEndOfText = "<|endoftext|>";  // these files do not mark it
  if (int32_t id = parts.model.vocab.find(kEndOfText); id != kNoToken) {
    parts.add({.id = id, .content = std::string(kEndOfText), .special = true}, origin);
  }
  return std::move(parts);
}

}  // namespace slm
