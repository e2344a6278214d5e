// Text to token ids and back, exactly as the tokenizer a model was trained with. One class for all
// kinds of BPE tokenizer: what differs (normalisation, splitting, merges, added tokens) is data
// that the loaders fill in. Formats: Hugging Face tokenizer.json, SentencePiece .model (BPE),
// .tiktoken, and vocab.json + merges.txt.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slm {

struct TokenizerParts;

struct EncodeOptions {
  bool bos = false, eos = false;
  bool parse_special = true;  // false: special tokens written in the text stay ordinary text
};

// A text in parts, where only some may contain special tokens.
struct TextPart {
  std::string_view text;
  bool trusted = false;
};

// Immutable, so any number of threads may use one object at the same time.
class Tokenizer {
 public:
  explicit Tokenizer(TokenizerParts parts);
  ~Tokenizer();
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // Invalid UTF-8 in the text is read as U+FFFD.
  std::vector<int32_t> encode(std::string_view utf8, const EncodeOptions& options = {}) const;

  // The same for the parts put together, as one text: special tokens are those that stand in
  // trusted parts, whole. `parse_special` is not used.
  std::vector<int32_t> encode(std::span<const TextPart> parts,
                              const EncodeOptions& options = {}) const;

  // The text of the ids as valid UTF-8: bytes that are none become U+FFFD. Ids outside the
  // vocabulary have no text. `skip_special` leaves out tokens marked special.
  std::string decode(std::span<const int32_t> ids, bool skip_special = false) const;

  // Every token's id is below this; ids in between that name no token decode to "".
  int64_t size() const;

  // The id of the token with exactly this content: first among the added tokens, then in the
  // vocabulary, there as decoded bytes (byte-level) or as written in the file (SentencePiece).
  std::optional<int32_t> find(std::string_view content) const;
  bool is_special(int32_t id) const;

  // The bytes one token stands for: possibly part of a character, or empty.
  std::string_view token_bytes(int32_t id) const;

  std::optional<int32_t> bos() const, eos() const;
  bool adds_bos() const;  // whether prompts of this tokenizer's models begin with bos() by custom

  // What it is made of, to be written in another format.
  const TokenizerParts& parts() const { return *parts_; }

  // The "chat_template" of tokenizer_config.json, empty when there is none.
  const std::string& chat_template() const;

 private:
  friend class StreamDecoder;
  struct CachePool;
  void encode_text(std::string_view text, bool parse_special, std::vector<int32_t>& ids) const;

  std::unique_ptr<const TokenizerParts> parts_;
  std::unique_ptr<CachePool> caches_;
};

// Decodes ids one by one: the pieces put together are what decode() gives for all of them, and no
// piece ever ends inside a character. `continues_text`: the ids follow a prompt, so a leading space
// that the tokenizer would drop at the start of a text is kept. Not thread-safe.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer, bool skip_special = true,
                         bool continues_text = false);
  std::string push(int32_t id);
  std::string finish();  // what was held back, incomplete characters as U+FFFD

 private:
  const Tokenizer& tokenizer_;
  bool skip_special_, at_start_;
  std::string held_;
};

// Loads tokenizer.json, tokenizer.model, *.tiktoken, vocab.json (merges.txt beside it), or the one
// of these that a model directory holds, with the tokenizer_config.json, special_tokens_map.json,
// added_tokens.json and special_tokens.json beside it.
std::shared_ptr<const Tokenizer> load_tokenizer(const std::filesystem::path& file_or_model_dir);
bool has_tokenizer(const std::filesystem::path& model_dir);

// The same from bytes; `origin` starts every error message.
std::shared_ptr<const Tokenizer> parse_tokenizer_json(std::string_view json,
                                                      std::string_view origin);
std::shared_ptr<const Tokenizer> parse_sentencepiece(std::string_view model,
                                                     std::string_view origin);

}  // namespace slm
