// Finds the tokenizer files of a model and puts what they say together.
#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <system_error>

#include "text/tokenizer.h"
#include "text/tokenizer_parts.h"
#include "util/files.h"
#include "util/impostor.h"
#include "util/json.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

// A JSON object in a file beside the tokenizer; an empty one when there is no such file.
Json read_beside(const fs::path& directory, const char* name) {
  fs::path path = directory / name;
  if (!fs::exists(path)) return Json::object();
  Json json = read_json_file(path);
  check_data(json.is_object(), "{}: expected an object", path.string());
  return json;
}

// "<s>" or {"content": "<s>", ...}; empty for anything else.
std::string token_content(const Json& value) {
  if (value.is_string()) return value;
  bool object = value.is_object() && value.contains("content") && value["content"].is_string();
  return object ? value["content"].get<std::string>() : std::string();
}

std::string token_content(const Json& object, const char* key) {
  return object.contains(key) ? token_content(object[key]) : std::string();
}

int32_t find_id(const TokenizerParts& parts, const std::string& content) {
  for (const AddedToken& t : parts.added.tokens) {
    if (t.content == content) return t.id;
  }
  return content.empty() ? kNoToken : parts.model.vocab.find(content);
}

// Makes a token be found in texts: one that only had an id so far, one of the vocabulary, or a new
// one. What the tokenizer's own file says comes first.
void add_token(TokenizerParts& parts, AddedToken token, std::string_view origin) {
  for (AddedToken& t : parts.added.tokens) {
    if (t.id != token.id) continue;
    check_data(t.content == token.content, "{}: id {} is \"{}\" here and \"{}\" elsewhere", origin,
               t.id, token.content, t.content);
    if (t.in_text) return;
    parts.texts.set(t.id, t.content);
    parts.added.tokens.erase(parts.added.tokens.begin() + (&t - parts.added.tokens.data()));
    break;
  }
  parts.add(std::move(token), origin);
}

// "added_tokens_decoder": {"50256": {"content": "<|endoftext|>", "special": true, ...}, ...}
void read_added_tokens_decoder(TokenizerParts& parts, const Json& tokens,
                               const std::string& origin) {
  for (const auto& [key, value] : tokens.items()) {
    int32_t id = kNoToken;
    std::from_chars(key.data(), key.data() + key.size(), id);
    JsonObject fields(value, format("{}: added_tokens_decoder.{}", origin, key));
    bool special = fields.boolean_or("special", false);
    add_token(parts,
              {.id = id,
               .content = fields.string("content"),
               .special = special,
               .normalized = fields.boolean_or("normalized", !special),
               .single_word = fields.boolean_or("single_word", false),
               .lstrip = fields.boolean_or("lstrip", false),
               .rstrip = fields.boolean_or("rstrip", false)},
              origin);
  }
}

// The tokens that tokenizer_config.json or special_tokens_map.json give a role.
std::vector<std::string> named_tokens(const Json& names) {
  std::vector<std::string> out;
  for (const char* key : {"bos_token", "eos_token", "unk_token", "pad_token", "sep_token",
                          "cls_token", "mask_token"}) {
    out.push_back(token_content(names, key));
  }
  if (names.contains("additional_special_tokens")) {
    for (const Json& t : names["additional_special_tokens"]) out.push_back(token_content(t));
  }
  std::erase(out, "");
  return out;
}

// A string, or a list of {"name": ..., "template": ...} with one named "default".
std::string chat_template_of(const Json& config) {
  if (!config.contains("chat_template")) return {};
  const Json& value = config["chat_template"];
  if (value.is_string()) return value;
  if (!value.is_array()) return {};
  for (const Json& entry : value) {
    if (entry.is_object() && entry.value("name", "") == "default") {
      return entry.value("template", "");
    }
  }
  return {};
}

// Adds what the configuration files in the tokenizer's directory say.
void read_configuration(TokenizerParts& parts, const fs::path& directory) {
  Json config = read_beside(directory, "tokenizer_config.json");
  Json map = read_beside(directory, "special_tokens_map.json");
  Json added = read_beside(directory, "added_tokens.json");
  std::string origin = (directory / "tokenizer_config.json").string();

  std::vector<std::string> named = named_tokens(config);
  for (std::string& t : named_tokens(map)) named.push_back(std::move(t));
  if (config.contains("added_tokens_decoder")) {
    read_added_tokens_decoder(parts, config["added_tokens_decoder"], origin);
  }
  std::string added_origin = (directory / "added_tokens.json").string();
  JsonObject ids(added, added_origin);
  for (const auto& [content, value] : added.items()) {
    bool special = std::ranges::count(named, content) > 0;
    auto id = int32_t(ids.integer(content, 0, kMaxTokens - 1));
    add_token(parts, {.id = id, .content = content, .special = special, .normalized = !special},
              added_origin);
  }
  for (const std::string& content : named) {
    int32_t id = find_id(parts, content);
    if (id != kNoToken) add_token(parts, {.id = id, .content = content, .special = true}, origin);
  }
  for (const Json* names : {&map, &config}) {
    if (auto t = token_content(*names, "bos_token"); !t.empty()) parts.bos = t;
    if (auto t = token_content(*names, "eos_token"); !t.empty()) parts.eos = t;
    if (auto t = token_content(*names, "pad_token"); !t.empty()) parts.pad = t;
  }
  parts.adds_bos = JsonObject(config, origin).boolean_or("add_bos_token", parts.adds_bos);
  parts.adds_eos = JsonObject(config, origin).boolean_or("add_eos_token", parts.adds_eos);
  parts.chat_template = chat_template_of(config);
  constexpr int64_t kMaxTemplate = 1 << 20;
  fs::path file = directory / "chat_template.jinja";
  if (fs::exists(file)) parts.chat_template = read_file(file, kMaxTemplate);
}

// Many published files say nothing about the end of a text; the usual names then do.
void guess_frame(TokenizerParts& parts) {
  auto first_known = [&](std::initializer_list<const char*> names) -> std::string {
    for (const char* name : names) {
      if (find_id(parts, name) != kNoToken) return name;
    }
    return {};
  };
  if (parts.eos.empty()) parts.eos = first_known({"<|endoftext|>", "</s>"});
  if (parts.bos.empty()) parts.bos = first_known({"<|endoftext|>", "<s>"});
}

// {"special_tokens": {content: id}, "pat_str": regex}
void read_special_tokens(TokenizerParts& parts, const Json& json, const std::string& origin) {
  JsonObject root(json, origin);
  JsonObject tokens(root.at("special_tokens"), origin + ": special_tokens");
  for (const auto& [content, value] : tokens.json().items()) {
    auto id = int32_t(tokens.integer(content, 0, kMaxTokens - 1));
    parts.add({.id = id, .content = content, .special = true}, tokens.origin());
  }
  if (!root.has("pat_str")) return;
  Matcher matcher = find_matcher(root.string("pat_str"));
  if (!matcher) {
    fail(ErrorKind::kUnsupported, "{}: the pattern {} is not supported", origin,
         root.string("pat_str"));
  }
  parts.pre_tokenizer.steps = {{.matcher = matcher}};
}

TokenizerParts read_tiktoken_file(const fs::path& file) {
  TokenizerParts parts = read_tiktoken(read_file(file), file.string());
  fs::path special = file.parent_path() / "special_tokens.json";
  if (fs::exists(special)) {
    read_special_tokens(parts, read_json_file(special), special.string());
  } else {
    add_known_special_tokens(parts);
  }
  return parts;
}

// The tokenizer file of a directory; empty when there is none.
fs::path find_in(const fs::path& directory) {
  for (const char* name : {"tokenizer.json", "tokenizer.model"}) {
    if (fs::exists(directory / name)) return directory / name;
  }
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored)) {
    if (entry.path().extension() == ".tiktoken") return entry.path();
  }
  bool pair = fs::exists(directory / "vocab.json") && fs::exists(directory / "merges.txt");
  return pair ? directory / "vocab.json" : fs::path();
}

std::string read_contents(const fs::path& file) {
  std::string contents = read_file(file);
  refuse_impostor(contents, file.string());
  return contents;
}

TokenizerParts read_by_name(const fs::path& file) {
  if (file.extension() == ".model") return read_sentencepiece(read_contents(file), file.string());
  if (file.extension() == ".tiktoken") return read_tiktoken_file(file);
  if (file.filename() == "vocab.json") {
    return read_vocab_and_merges(read_contents(file),
                                 read_contents(file.parent_path() / "merges.txt"), file.string());
  }
  return read_tokenizer_json(read_contents(file), file.string());
}

}  // namespace

bool has_tokenizer(const fs::path& model_dir) { return !find_in(model_dir).empty(); }

std::shared_ptr<const Tokenizer> load_tokenizer(const fs::path& file_or_model_dir) {
  fs::path file = file_or_model_dir;
  if (fs::is_directory(file)) {
    file = find_in(file_or_model_dir);
    if (file.empty()) {
      fail(ErrorKind::kNotFound,
           "{}: no tokenizer here; expected tokenizer.json, tokenizer.model, *.tiktoken, or "
           "vocab.json and merges.txt",
           file_or_model_dir.string());
    }
  }
  TokenizerParts parts = read_by_name(file);
  read_configuration(parts, file.parent_path());
  guess_frame(parts);
  return std::make_shared<const Tokenizer>(std::move(parts));
}

std::shared_ptr<const Tokenizer> parse_tokenizer_json(std::string_view json,
                                                      std::string_view origin) {
  TokenizerParts parts = read_tokenizer_json(json, origin);
  guess_frame(parts);
  return std::make_shared<const Tokenizer>(std::move(parts));
}

std::shared_ptr<const Tokenizer> parse_sentencepiece(std::string_view model,
                                                     std::string_view origin) {
  return std::make_shared<const Tokenizer>(read_sentencepiece(model, origin));
}

}  // namespace slm
