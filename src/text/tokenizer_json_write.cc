#include "text/tokenizer_json_write.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "text/byte_level.h"
#include "text/sentencepiece.h"
#include "text/split_rules.h"
#include "util/error.h"
#include "util/json.h"

namespace slm {
namespace {

constexpr const char* kByteLevel =
    R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true})";
constexpr const char* kBytesOnly =
    R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false})";
constexpr const char* kNfc = R"({"type":"NFC"})";

// Escaped, and valid UTF-8 whatever the token holds.
std::string json_string(std::string_view text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

int32_t type_of(const PortableVocabulary& v, size_t i) {
  return v.token_types.empty() ? int32_t{Piece::kNormal} : v.token_types[i];
}

std::string list_of(const std::vector<std::string>& items) {
  return format("[{}]", fmt::join(items, ","));
}

// --- the steps before BPE ---

// How each matcher is written as a pre-tokenizer.
struct MatcherJson {
  Matcher matcher;
  std::string_view json;
};
constexpr MatcherJson kMatchers[] = {
    {match_gpt2,
     R"-({"type":"Split","pattern":{"Regex":"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"},"behavior":"Isolated","invert":false})-"},
    {match_single_digits,
     R"-({"type":"Split","pattern":{"Regex":"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},"behavior":"Isolated","invert":false})-"},
    {match_triple_digits,
     R"-({"type":"Split","pattern":{"Regex":"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},"behavior":"Isolated","invert":false})-"},
    {match_bloom_word,
     R"-({"type":"Split","pattern":{"Regex":" ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+"},"behavior":"Isolated","invert":false})-"},
    {match_three_ascii_digits,
     R"-({"type":"Split","pattern":{"Regex":"[0-9][0-9][0-9]"},"behavior":"Isolated","invert":false})-"},
    {match_digit, R"({"type":"Digits","individual_digits":true})"},
    {match_digits, R"({"type":"Digits","individual_digits":false})"},
    {match_punctuation_run, R"({"type":"Punctuation","behavior":"Contiguous"})"},
};

std::string matcher_json(const PreTokenizer::Step& step, std::string_view origin) {
  for (const MatcherJson& known : kMatchers)
    if (known.matcher == step.matcher && step.keep_matches && step.keep_gaps)
      return std::string(known.json);
  fail(ErrorKind::kUnsupported, "{}: the way this vocabulary splits text has no tokenizer.json",
       origin);
}

// Splits, then bytes as letters. GPT-2's pattern right before that is part of "ByteLevel".
std::string pre_tokenizer_json(const PreTokenizer& rules, std::string_view origin) {
  using Step = PreTokenizer::Step;
  std::vector<std::string> out;
  bool mapped = false;
  const auto& steps = rules.steps;
  for (size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].kind == Step::kByteAlphabet) {
      if (!mapped) out.emplace_back(kBytesOnly);
      mapped = true;
      continue;
    }
    bool bytes_next = i + 1 == steps.size() || steps[i + 1].kind == Step::kByteAlphabet;
    bool whole = !mapped && bytes_next && steps[i].matcher == match_gpt2;
    out.push_back(whole ? kByteLevel : matcher_json(steps[i], origin));
    mapped = mapped || whole;
  }
  if (!mapped) out.emplace_back(kBytesOnly);
  if (out.size() == 1) return out[0];
  return format(R"({{"type":"Sequence","pretokenizers":{}}})", list_of(out));
}

// --- vocabulary ---

// Tokens that are found in texts as they are.
bool is_added(int32_t type) { return type == Piece::kControl || type == Piece::kUserDefined; }

std::string added_tokens_json(const PortableVocabulary& v) {
  bool byte_level = v.model == "gpt2";
  std::vector<std::string> items;
  for (size_t i = 0; i < v.tokens.size(); ++i) {
    int32_t type = type_of(v, i);
    if (!is_added(type) || v.tokens[i].empty()) continue;
    bool special = type == Piece::kControl;
    items.push_back(format(
        R"({{"id":{},"content":{},"single_word":false,"lstrip":false,"rstrip":false,"normalized":{},"special":{}}})",
        i, json_string(v.tokens[i]), byte_level && !special, special));
  }
  return list_of(items);
}

// Every token that merges make or join, in the alphabet of bytes.
std::unordered_set<std::string> merged_tokens(const PortableVocabulary& v) {
  std::unordered_set<std::string> tokens;
  for (const std::string& merge : v.merges) {
    size_t space = merge.find(' ');
    if (space == std::string::npos) continue;
    std::string left = merge.substr(0, space), right = merge.substr(space + 1);
    tokens.insert(left + right);
    tokens.insert(std::move(left));
    tokens.insert(std::move(right));
  }
  return tokens;
}

std::string vocab_json(const PortableVocabulary& v) {
  auto merged = merged_tokens(v);
  std::vector<std::string> items;
  for (size_t i = 0; i < v.tokens.size(); ++i) {
    int32_t type = type_of(v, i);
    if (type == Piece::kUnused || v.tokens[i].empty()) continue;
    std::string token = v.tokens[i];
    // What merges make is written as merges write it, also where texts are searched for it.
    std::string spelled = v.model == "gpt2" && is_added(type) ? bytes_to_alphabet(token) : token;
    if (merged.contains(spelled)) token = std::move(spelled);
    items.push_back(format("{}:{}", json_string(token), i));
  }
  return format("{{{}}}", fmt::join(items, ","));
}

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// SentencePiece merges any two neighbours that make a token, the highest score first.
std::vector<std::string> merges_of_scores(const PortableVocabulary& v) {
  std::unordered_map<std::string_view, size_t> plain;
  std::vector<size_t> order;
  for (size_t i = 0; i < v.tokens.size(); ++i)
    if (type_of(v, i) == Piece::kNormal && plain.emplace(v.tokens[i], i).second) order.push_back(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return v.scores[a] > v.scores[b]; });
  std::vector<std::string> merges;
  for (size_t i : order) {
    std::string_view token = v.tokens[i];
    for (size_t at = 1; at < token.size(); ++at) {
      if (continues_character(token[at])) continue;
      std::string_view left = token.substr(0, at), right = token.substr(at);
      if (plain.contains(left) && plain.contains(right))
        merges.push_back(format("[{},{}]", json_string(left), json_string(right)));
    }
  }
  return merges;
}

// --- the whole ---

// What frames a text: transformers adds it by this step alone.
std::string post_processor_json(const PortableVocabulary& v) {
  std::vector<std::string> items, tokens;
  auto add = [&](std::optional<int32_t> id) {
    std::string content = json_string(v.tokens[size_t(*id)]);
    items.push_back(format(R"({{"SpecialToken":{{"id":{},"type_id":0}}}})", content));
    std::string entry =
        format(R"({}:{{"id":{},"ids":[{}],"tokens":[{}]}})", content, content, *id, content);
    if (std::find(tokens.begin(), tokens.end(), entry) == tokens.end()) tokens.push_back(entry);
  };
  if (v.add_bos && v.bos) add(v.bos);
  items.emplace_back(R"({"Sequence":{"id":"A","type_id":0}})");
  if (v.add_eos && v.eos) add(v.eos);
  if (tokens.empty()) return v.model == "gpt2" ? kByteLevel : "null";
  return format(R"({{"type":"TemplateProcessing","single":{},"pair":{},"special_tokens":{{{}}}}})",
                list_of(items),
                R"([{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}])",
                fmt::join(tokens, ","));
}

struct Sections {
  std::string normalizer = "null", pre_tokenizer = "null", decoder, model_flags;
  std::vector<std::string> merges;
};

Sections byte_level_sections(const PortableVocabulary& v, std::string_view origin) {
  // The reader of the lists knows which rules an old file without a name means.
  std::string name =
      v.pre.empty() ? export_vocabulary(*make_tokenizer(v, origin), int64_t(v.tokens.size())).pre
                    : v.pre;
  const SplitRules* rules = find_split_rules(name);
  if (!rules)
    fail(ErrorKind::kUnsupported, "{}: the rules \"{}\" for splitting text are not supported",
         origin, name);
  Sections s;
  if (!rules->normalizer.steps.empty()) s.normalizer = kNfc;
  s.pre_tokenizer = pre_tokenizer_json(rules->pre_tokenizer, origin);
  s.decoder = kByteLevel;
  s.model_flags =
      format(R"("unk_token":null,"fuse_unk":false,"byte_fallback":false,"ignore_merges":{})",
             rules->whole_pieces_first);
  for (const std::string& merge : v.merges) s.merges.push_back(json_string(merge));
  return s;
}

Sections sentencepiece_sections(const PortableVocabulary& v, std::string_view origin) {
  if (v.remove_extra_whitespaces)
    fail(ErrorKind::kUnsupported, "{}: a vocabulary that drops spaces has no tokenizer.json",
         origin);
  check_data(v.scores.size() == v.tokens.size(), "{}: {} scores for {} tokens", origin,
             v.scores.size(), v.tokens.size());
  Sections s;
  constexpr const char* kReplace = R"({"type":"Replace","pattern":{"String":" "},"content":"▁"})";
  s.normalizer = v.add_space_prefix ? format(R"({{"type":"Sequence","normalizers":[{},{}]}})",
                                             R"({"type":"Prepend","prepend":"▁"})", kReplace)
                                    : kReplace;
  s.decoder =
      format(R"({{"type":"Sequence","decoders":[{},{},{}{}]}})",
             R"({"type":"Replace","pattern":{"String":"▁"},"content":" "})",
             R"({"type":"ByteFallback"})", R"({"type":"Fuse"})",
             v.add_space_prefix ? R"(,{"type":"Strip","content":" ","start":1,"stop":0})" : "");
  bool bytes =
      std::find(v.token_types.begin(), v.token_types.end(), Piece::kByte) != v.token_types.end();
  std::string unknown = v.unknown ? json_string(v.tokens[size_t(*v.unknown)]) : "null";
  s.model_flags = format(
      R"("unk_token":{},"fuse_unk":true,"byte_fallback":{},"ignore_merges":false)", unknown, bytes);
  s.merges = merges_of_scores(v);
  return s;
}

}  // namespace

std::string tokenizer_json(const PortableVocabulary& v, std::string_view origin) {
  make_tokenizer(v, origin);  // the lists fit together, and their rules are known
  Sections s =
      v.model == "gpt2" ? byte_level_sections(v, origin) : sentencepiece_sections(v, origin);
  return format(
      "{{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":{},\n"
      "\"normalizer\":{},\n\"pre_tokenizer\":{},\n\"post_processor\":{},\n\"decoder\":{},\n"
      "\"model\":{{\"type\":\"BPE\",\"dropout\":null,\"continuing_subword_prefix\":null,"
      "\"end_of_word_suffix\":null,{},\n\"vocab\":{},\n\"merges\":{}}}}}\n",
      added_tokens_json(v), s.normalizer, s.pre_tokenizer, post_processor_json(v), s.decoder,
      s.model_flags, vocab_json(v), list_of(s.merges));
}

std::string tokenizer_config_json(const PortableVocabulary& v) {
  Json config{{"tokenizer_class", "PreTrainedTokenizerFast"},
              {"add_bos_token", v.add_bos},
              {"add_eos_token", v.add_eos},
              {"clean_up_tokenization_spaces", false}};
  auto name = [&](const char* key, std::optional<int32_t> id) {
    if (id) config[key] = v.tokens[size_t(*id)];
  };
  name("bos_token", v.bos);
  name("eos_token", v.eos);
  name("unk_token", v.unknown);
  name("pad_token", v.padding);
  if (!v.chat_template.empty()) config["chat_template"] = v.chat_template;
  return config.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace slm
