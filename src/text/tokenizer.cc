#include "text/tokenizer.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "text/piece_cache.h"
#include "text/tokenizer_parts.h"
#include "util/error.h"

namespace slm {

// Caches outlive one call and go from thread to thread; there are as many as were ever in use at
// the same time.
struct Tokenizer::CachePool {
  std::mutex mutex;
  std::vector<std::unique_ptr<PieceCache>> idle;

  std::unique_ptr<PieceCache> take() {
    std::lock_guard lock(mutex);
    if (idle.empty()) return std::make_unique<PieceCache>();
    auto cache = std::move(idle.back());
    idle.pop_back();
    return cache;
  }
  void give_back(std::unique_ptr<PieceCache> cache) {
    std::lock_guard lock(mutex);
    idle.push_back(std::move(cache));
  }
};

namespace {

std::unique_ptr<const TokenizerParts> finish(TokenizerParts parts) {
  auto owned = std::make_unique<TokenizerParts>(std::move(parts));
  owned->model.prepare();
  owned->added.build([&](const std::string& content) { return owned->normalizer.apply(content); });
  return owned;
}

int32_t required(std::optional<int32_t> id, std::string_view what) {
  check(id.has_value(), "[tokenizer] this tokenizer has no {}-of-text token", what);
  return *id;
}

}  // namespace

Tokenizer::Tokenizer(TokenizerParts parts)
    : parts_(finish(std::move(parts))), caches_(std::make_unique<CachePool>()) {}

Tokenizer::~Tokenizer() = default;

// Appends the ids of a text, which counts as the start of an input if nothing stands before it.
void Tokenizer::encode_text(std::string_view text, bool parse_special,
                            std::vector<int32_t>& ids) const {
  const TokenizerParts& p = *parts_;
  std::string repaired;
  if (!is_valid_utf8(text)) text = repaired = replace_invalid_utf8(text);
  ids.reserve(ids.size() + text.size() / 4);

  auto cache = caches_->take();
  auto on_token = [&](int32_t id) { ids.push_back(id); };
  auto on_piece = [&](std::string_view piece) { p.model.encode(piece, *cache, ids); };
  auto on_raw = [&](std::string_view raw, bool begins_input) {
    std::string changed;
    if (!p.normalizer.steps.empty()) raw = changed = p.normalizer.apply(raw);
    auto on_text = [&](std::string_view part, bool begins_text) {
      p.pre_tokenizer.each_piece(part, begins_input && begins_text, on_piece);
    };
    p.added.normalized.split(raw, parse_special, on_text, on_token);
  };
  p.added.raw.split(text, parse_special, on_raw, on_token);
  caches_->give_back(std::move(cache));
}

std::vector<int32_t> Tokenizer::encode(std::string_view utf8, const EncodeOptions& options) const {
  std::vector<int32_t> ids;
  if (options.bos) ids.push_back(required(bos(), "begin"));
  encode_text(utf8, options.parse_special, ids);
  if (options.eos) ids.push_back(required(eos(), "end"));
  return ids;
}

std::vector<int32_t> Tokenizer::encode(std::span<const TextPart> parts,
                                       const EncodeOptions& options) const {
  std::vector<int32_t> ids;
  if (options.bos) ids.push_back(required(bos(), "begin"));
  std::string run;  // what stands between two special tokens is one text
  auto flush = [&] {
    encode_text(run, false, ids);
    run.clear();
  };
  for (const TextPart& part : parts) {
    if (!part.trusted) {
      run += part.text;
      continue;
    }
    parts_->added.special.split(
        part.text, true, [&](std::string_view text, bool) { run += text; },
        [&](int32_t id) {
          flush();
          ids.push_back(id);
        });
  }
  flush();
  if (options.eos) ids.push_back(required(eos(), "end"));
  return ids;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
  StreamDecoder stream(*this, skip_special);
  std::string text;
  for (int32_t id : ids) text += stream.push(id);
  return text += stream.finish();
}

int64_t Tokenizer::size() const {
  int64_t size = parts_->texts.size();
  for (const AddedToken& t : parts_->added.tokens) size = std::max<int64_t>(size, t.id + 1);
  return size;
}

std::optional<int32_t> Tokenizer::find(std::string_view content) const {
  if (content.empty()) return std::nullopt;
  if (const AddedToken* t = parts_->added.find(content)) return t->id;
  int32_t id = parts_->model.vocab.find(content);
  return id == kNoToken ? std::nullopt : std::optional(id);
}

bool Tokenizer::is_special(int32_t id) const {
  const AddedToken* t = parts_->added.find(id);
  return t && t->special;
}

std::string_view Tokenizer::token_bytes(int32_t id) const { return parts_->texts[id]; }

std::optional<int32_t> Tokenizer::bos() const { return find(parts_->bos); }
std::optional<int32_t> Tokenizer::eos() const { return find(parts_->eos); }
bool Tokenizer::adds_bos() const { return parts_->adds_bos && bos().has_value(); }
const std::string& Tokenizer::chat_template() const { return parts_->chat_template; }

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special, bool continues_text)
    : tokenizer_(tokenizer),
      skip_special_(skip_special),
      at_start_(tokenizer.parts_->leading_space != LeadingSpace::kKeep && !continues_text) {}

std::string StreamDecoder::push(int32_t id) {
  if (skip_special_ && tokenizer_.is_special(id)) return {};
  std::string_view bytes = tokenizer_.token_bytes(id);
  if (at_start_ && !bytes.empty()) {
    if (bytes.front() == ' ' && id != tokenizer_.parts_->model.unknown) bytes.remove_prefix(1);
    at_start_ = bytes.empty() && tokenizer_.parts_->leading_space == LeadingSpace::kDropAll;
  }
  held_ += bytes;
  size_t complete = held_.size();
  for (size_t back = 1; back <= 3 && back <= held_.size(); ++back) {
    size_t begin = held_.size() - back;
    if (decode_utf8(std::string_view(held_).substr(begin)).incomplete) complete = begin;
  }
  std::string tail = held_.substr(complete);
  held_.resize(complete);
  std::string text = std::exchange(held_, std::move(tail));
  if (is_valid_utf8(text)) return text;
  return replace_invalid_utf8(text, tokenizer_.parts_->invalid_bytes);
}

std::string StreamDecoder::finish() {
  return replace_invalid_utf8(std::exchange(held_, {}), tokenizer_.parts_->invalid_bytes);
}

}  // namespace slm
