#include "text/bpe_trainer.h"

#include <algorithm>
#include <array>
#include <functional>
#include <queue>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "text/added_tokens.h"
#include "text/byte_level.h"
#include "text/split_patterns.h"
#include "text/unicode.h"
#include "text/vocabulary.h"
#include "util/error.h"
#include "util/json.h"

namespace slm {
namespace {

// Longer pieces are no words but data; cut up, they cannot make training slow.
constexpr size_t kMaxPieceBytes = 256;

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view s) const { return hash_bytes(s); }
};

struct Word {
  std::vector<int32_t> symbols;
  int64_t count;
};

using Pair = std::pair<int32_t, int32_t>;

struct PairHash {
  size_t operator()(const Pair& p) const {
    return (uint64_t(uint32_t(p.first)) << 32 | uint32_t(p.second)) * 0x9E3779B97F4A7C15 >> 16;
  }
};

// How often each pair of neighbours occurs, and in which words, kept true while pairs merge.
class PairCounts {
 public:
  explicit PairCounts(std::vector<Word> words) : words_(std::move(words)) {
    for (uint32_t w = 0; w < words_.size(); ++w) {
      each_pair(w, [&](Info& info, const Pair&) {
        info.count += words_[w].count;
        info.words.push_back(w);
      });
    }
    for (const auto& [pair, info] : pairs_) heap_.push({info.count, pair});
  }

  // The most frequent pair, of several the one with the smallest ids; count 0 when none is left.
  std::pair<int64_t, Pair> most_frequent() {
    while (!heap_.empty()) {
      Entry top = heap_.top();
      auto it = pairs_.find(top.pair);
      int64_t now = it == pairs_.end() ? 0 : it->second.count;
      if (now == top.count) return {now, top.pair};
      heap_.pop();  // out of date: counts fall without notice, and are pushed when they rise
      if (now > 0 && now < top.count) heap_.push({now, top.pair});
    }
    return {0, {}};
  }

  void merge(Pair pair, int32_t merged) {
    std::vector<uint32_t> where = std::move(pairs_.at(pair).words);
    std::ranges::sort(where);
    where.erase(std::unique(where.begin(), where.end()), where.end());
    std::unordered_set<Pair, PairHash> risen;
    for (uint32_t w : where) {
      int64_t count = words_[w].count;
      each_pair(w, [&](Info& info, const Pair&) { info.count -= count; });
      replace(words_[w].symbols, pair, merged);
      each_pair(w, [&](Info& info, const Pair& p) {
        info.count += count;
        if (p.first != merged && p.second != merged) return;
        info.words.push_back(w);
        risen.insert(p);
      });
    }
    pairs_.erase(pair);
    for (const Pair& p : risen) {
      if (auto it = pairs_.find(p); it != pairs_.end()) heap_.push({it->second.count, p});
    }
  }

 private:
  struct Info {
    int64_t count = 0;
    std::vector<uint32_t> words;  // that had the pair when it arose, some more than once
  };
  struct Entry {
    int64_t count;
    Pair pair;
    bool operator<(const Entry& other) const {
      return std::tie(count, other.pair) < std::tie(other.count, pair);
    }
  };

  template <class Visit>
  void each_pair(uint32_t w, Visit&& visit) {
    const auto& s = words_[w].symbols;
    for (size_t i = 0; i + 1 < s.size(); ++i) {
      Pair p{s[i], s[i + 1]};
      visit(pairs_[p], p);
    }
  }

  static void replace(std::vector<int32_t>& symbols, Pair pair, int32_t merged) {
    size_t out = 0;
    for (size_t i = 0; i < symbols.size(); ++i) {
      bool match = i + 1 < symbols.size() && Pair{symbols[i], symbols[i + 1]} == pair;
      symbols[out++] = match ? merged : symbols[i];
      i += match;
    }
    symbols.resize(out);
  }

  std::vector<Word> words_;
  std::unordered_map<Pair, Info, PairHash> pairs_;
  std::priority_queue<Entry> heap_;
};

std::string json_string(std::string_view text) { return Json(text).dump(); }

// The special tokens, the bytes in the order of their characters, then what was merged.
struct Result {
  std::vector<std::string> special, bytes;  // bytes[i] has the id special.size() + i
  std::vector<std::pair<std::string, std::string>> merges;

  std::string to_json() const;
};

std::string Result::to_json() const {
  std::string added, vocab, merge_list;
  int64_t id = 0;
  for (const std::string& s : special) {
    added += format(
        "{}\n    {{\"id\": {}, \"content\": {}, \"single_word\": false, \"lstrip\": false, "
        "\"rstrip\": false, \"normalized\": false, \"special\": true}}",
        id ? "," : "", id, json_string(s));
    vocab += format("{}\n      {}: {}", id ? "," : "", json_string(s), id);
    ++id;
  }
  for (const std::string& b : bytes) {
    vocab += format("{}\n      {}: {}", id ? "," : "", json_string(bytes_to_alphabet(b)), id);
    ++id;
  }
  for (const auto& [left, right] : merges) {
    merge_list += format("{}\n      {}", merge_list.empty() ? "" : ",",
                         json_string(bytes_to_alphabet(left) + " " + bytes_to_alphabet(right)));
  }
  constexpr std::string_view kByteLevel =
      R"({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true})";
  return format(
      R"({{
  "version": "1.0",
  "truncation": null,
  "padding": null,
  "added_tokens": [{}],
  "normalizer": {{"type": "NFC"}},
  "pre_tokenizer": {},
  "post_processor": {},
  "decoder": {},
  "model": {{
    "type": "BPE",
    "dropout": null,
    "unk_token": null,
    "continuing_subword_prefix": null,
    "end_of_word_suffix": null,
    "fuse_unk": false,
    "byte_fallback": false,
    "ignore_merges": false,
    "vocab": {{{}
    }},
    "merges": [{}
    ]
  }}
}}
)",
      added, kByteLevel, kByteLevel, kByteLevel, vocab, merge_list);
}

// The 256 single bytes, in the order of the characters that stand for them.
std::vector<std::string> sorted_bytes() {
  std::vector<std::string> bytes;
  for (int b = 0; b < 256; ++b) bytes.push_back(std::string(1, char(b)));
  std::ranges::sort(bytes, {}, bytes_to_alphabet);  // UTF-8 sorts as its code points do
  return bytes;
}

}  // namespace

struct BpeTrainer::Pieces {
  std::vector<AddedToken> special;
  TokenMatcher matcher;
  std::unordered_map<std::string, int64_t, StringHash, std::equal_to<>> counts;

  void add(std::string_view piece) {
    while (piece.size() > kMaxPieceBytes) {
      size_t cut = kMaxPieceBytes;
      while ((piece[cut] & 0xC0) == 0x80) --cut;
      add(piece.substr(0, cut));
      piece.remove_prefix(cut);
    }
    auto it = counts.find(piece);
    if (it == counts.end()) it = counts.emplace(piece, 0).first;
    ++it->second;
  }
};

BpeTrainer::BpeTrainer(BpeTrainerOptions options)
    : options_(std::move(options)), pieces_(std::make_unique<Pieces>()) {
  auto least = int64_t(options_.special_tokens.size()) + 256;
  check(
      options_.vocab_size >= least && options_.vocab_size <= kMaxTokens,
      "[tokenizer train] a vocabulary of {} tokens; expected {} (256 bytes and the special tokens) "
      "to {}",
      options_.vocab_size, least, kMaxTokens);
  auto& special = pieces_->special;
  for (const std::string& s : options_.special_tokens) {
    bool fresh = std::ranges::count(options_.special_tokens, s) == 1;
    check(
        s.size() > 1 && fresh && is_valid_utf8(s),
        "[tokenizer train] special token \"{}\" must be UTF-8, two bytes or longer, and given once",
        s);
    special.push_back({.id = int32_t(special.size()), .content = s, .special = true});
  }
  for (const AddedToken& t : special) pieces_->matcher.add(t.content, t);
}

BpeTrainer::~BpeTrainer() = default;

void BpeTrainer::add(std::string_view text) {
  std::string repaired;
  if (!is_valid_utf8(text)) text = repaired = replace_invalid_utf8(text);
  auto add_part = [&](std::string_view part, bool) {
    std::string normal = normalize(part, NormalForm::kNfc);
    for (size_t at = 0; at < normal.size();) {
      Match m = match_gpt2(normal, at);
      pieces_->add(std::string_view(normal).substr(m.from, m.to - m.from));
      at = m.to;
    }
  };
  pieces_->matcher.split(text, true, add_part, [](int32_t) {});
}

std::string BpeTrainer::train_to_json(const Progress& progress) const {
  Result result{.special = options_.special_tokens, .bytes = sorted_bytes(), .merges = {}};
  auto first = int32_t(result.special.size());
  std::array<int32_t, 256> byte_ids{};
  std::unordered_map<std::string, int32_t> ids;
  for (const std::string& b : result.bytes) {
    auto id = first + int32_t(ids.size());
    byte_ids[static_cast<unsigned char>(b[0])] = ids[b] = id;
  }

  std::vector<Word> words;
  for (const auto& [piece, count] : pieces_->counts) {
    Word& word = words.emplace_back(Word{{}, count});
    for (char c : piece) word.symbols.push_back(byte_ids[static_cast<unsigned char>(c)]);
  }
  PairCounts pairs(std::move(words));

  int64_t total = options_.vocab_size - first - 256;
  while (int64_t(ids.size()) < total + 256) {
    auto [count, pair] = pairs.most_frequent();
    if (count < std::max<int64_t>(1, options_.min_frequency)) break;
    const std::string& left = result.bytes[size_t(pair.first - first)];
    const std::string& right = result.bytes[size_t(pair.second - first)];
    result.merges.emplace_back(left, right);
    // Two pairs can spell the same token; the second then merges into the id of the first.
    auto [it, fresh] = ids.try_emplace(left + right, first + int32_t(ids.size()));
    if (fresh) result.bytes.push_back(it->first);
    pairs.merge(pair, it->second);
    if (progress) progress(int64_t(ids.size()) - 256, total);
  }
  return result.to_json();
}

}  // namespace slm
