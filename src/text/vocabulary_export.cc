#include "text/vocabulary_export.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "text/byte_level.h"
#include "text/sentencepiece.h"
#include "text/split_rules.h"
#include "text/tokenizer_json_steps.h"
#include "text/tokenizer_parts.h"
#include "util/error.h"

namespace slm {
namespace {

struct RankedMerge {
  uint32_t rank;
  int32_t left, right;
};

std::vector<RankedMerge> sorted_merges(const BpeModel& model) {
  std::vector<RankedMerge> list;
  model.merges.each([&](int32_t left, int32_t right, const Merge& m) {
    list.push_back({m.rank, left, right});
  });
  std::ranges::sort(list, {}, [](const RankedMerge& m) { return std::tie(m.rank, m.left); });
  return list;
}

// The last merge that makes a token of a vocabulary whose pairs merge by the rank of what they
// make: its bytes, merged by all lower ranks, leave two parts. Otherwise no merge makes it.
std::optional<RankedMerge> last_merge(const BpeModel& model, int32_t id) {
  constexpr size_t kMaxBytes = 4096;  // the loop is quadratic
  std::string_view whole = model.vocab[id];
  if (whole.size() < 2 || whole.size() > kMaxBytes) return {};
  std::vector<int32_t> symbols;
  for (char c : whole) symbols.push_back(model.byte_ids[static_cast<unsigned char>(c)]);
  while (symbols.size() > 2) {
    size_t best = 0;
    Merge lowest{uint32_t(id), kNoToken};
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      const Merge* m = model.merges.find(symbols[i], symbols[i + 1]);
      if (m && m->rank < lowest.rank) lowest = *m, best = i;
    }
    if (lowest.id == kNoToken) return {};
    symbols[best] = lowest.id;
    symbols.erase(symbols.begin() + ptrdiff_t(best) + 1);
  }
  return RankedMerge{uint32_t(id), symbols[0], symbols[1]};
}

std::vector<RankedMerge> derived_merges(const BpeModel& model) {
  std::vector<RankedMerge> list;
  for (int32_t id = 0; id < model.vocab.size(); ++id) {
    if (auto m = last_merge(model, id)) list.push_back(*m);
  }
  return list;
}

void export_byte_level(const TokenizerParts& parts, PortableVocabulary& out) {
  const SplitRules* rules = find_split_rules(parts.normalizer, parts.pre_tokenizer);
  if (!rules) {
    fail(ErrorKind::kUnsupported,
         "[tokenizer] the way this tokenizer splits text has no name that GGUF readers know");
  }
  out.model = "gpt2";
  out.pre = rules->name;
  for (size_t i = 0; i < out.tokens.size(); ++i) {
    auto id = int32_t(i);
    if (const AddedToken* t = parts.added.find(id)) {
      out.tokens[i] = t->content;
      out.token_types[i] = t->special ? Piece::kControl : Piece::kUserDefined;
    } else if (std::string_view bytes = parts.model.vocab[id]; !bytes.empty()) {
      out.tokens[i] = bytes_to_alphabet(bytes);
      out.token_types[i] = Piece::kNormal;
    }
  }
  const BpeModel& model = parts.model;
  for (auto [rank, l, r] : model.merges_by_rule() ? derived_merges(model) : sorted_merges(model)) {
    out.merges.push_back(bytes_to_alphabet(model.vocab[l]) + " " +
                         bytes_to_alphabet(model.vocab[r]));
  }
}

// What the steps before BPE make of a text.
std::string prepared(const TokenizerParts& parts, std::string_view text) {
  std::string out;
  parts.pre_tokenizer.each_piece(parts.normalizer.apply(text), true,
                                 [&](std::string_view piece) { out.append(piece).append("|"); });
  return out;
}

// The two flags with which SentencePiece prepares text as this tokenizer does.
void export_spaces(const TokenizerParts& parts, PortableVocabulary& out) {
  constexpr std::string_view kTexts[] = {"a", "a b", "a  b ", "A\tb", "e\u0301", "\uFB01", "1  "};
  for (bool prefix : {true, false}) {
    for (bool collapse : {false, true}) {
      TokenizerParts other =
          make_sentencepiece({.dummy_prefix = prefix, .collapse_spaces = collapse}, "");
      bool same = std::ranges::all_of(
          kTexts, [&](std::string_view t) { return prepared(parts, t) == prepared(other, t); });
      if (!same) continue;
      out.add_space_prefix = prefix;
      out.remove_extra_whitespaces = collapse;
      return;
    }
  }
  fail(ErrorKind::kUnsupported,
       "[tokenizer] the way this tokenizer prepares text cannot be written to GGUF files");
}

// Whether a token of the vocabulary is a normal piece there: made by merges, part of merges.
bool is_plain(const TokenizerParts& parts, int32_t id) {
  return id != parts.model.unknown && !parts.added.find(id) &&
         !byte_of_token(parts.model.vocab[id]);
}

// Scores that order merges as the list does. They exist when any two tokens that make a token
// merge, and all pairs that make the same one stand together.
std::vector<float> scores_of_merges(const TokenizerParts& parts) {
  const BpeModel& model = parts.model;
  std::vector<RankedMerge> list = sorted_merges(model);
  auto result = [&](const RankedMerge& m) { return model.merges.find(m.left, m.right)->id; };
  std::vector<uint32_t> first(size_t(model.vocab.size()), uint32_t(list.size()));
  for (size_t i = list.size(); i-- > 0;) first[size_t(result(list[i]))] = uint32_t(i);

  BpeModel by_score;
  by_score.byte_level = false;
  by_score.vocab = model.vocab;
  by_score.add_all_splits(first);
  bool same = true;
  by_score.merges.each([&](int32_t left, int32_t right, const Merge& m) {
    bool plain = is_plain(parts, left) && is_plain(parts, right) && is_plain(parts, m.id);
    same = same && (!plain || model.merges.find(left, right));
  });
  for (size_t i = 1; i < list.size(); ++i) {
    same = same && first[size_t(result(list[i]))] >= first[size_t(result(list[i - 1]))];
  }
  if (!same) {
    fail(ErrorKind::kUnsupported,
         "[tokenizer] the merges of this tokenizer follow a list, not scores, and GGUF files keep "
         "scores only; convert from the model's tokenizer.model instead");
  }
  std::vector<float> scores;
  for (uint32_t rank : first) scores.push_back(-float(rank));
  return scores;
}

void export_sentencepiece(const TokenizerParts& parts, PortableVocabulary& out) {
  out.model = "llama";
  out.pre = "default";
  export_spaces(parts, out);
  std::vector<float> scores = parts.scores;
  if (scores.empty()) scores = scores_of_merges(parts);
  out.scores.assign(out.tokens.size(), 0);
  std::copy_n(scores.begin(), std::min(scores.size(), out.scores.size()), out.scores.begin());

  for (size_t i = 0; i < out.tokens.size(); ++i) {
    auto id = int32_t(i);
    if (const AddedToken* t = parts.added.find(id)) {
      out.tokens[i] = t->content;
      out.token_types[i] = t->special ? Piece::kControl : Piece::kUserDefined;
    } else if (std::string_view text = parts.model.vocab[id]; !text.empty()) {
      out.tokens[i] = text;
      out.token_types[i] = Piece::kNormal;
    }
    if (id == parts.model.unknown) out.token_types[i] = Piece::kUnknown;
  }
  for (int b = 0; b < 256; ++b) {
    int32_t id = parts.model.byte_ids[size_t(b)];
    if (id == kNoToken) continue;
    out.tokens[size_t(id)] = byte_token(b);
    out.token_types[size_t(id)] = Piece::kByte;
  }
}

// --- and back ---

bool in_range(const PortableVocabulary& v, std::optional<int32_t> id) {
  return !id || (*id >= 0 && size_t(*id) < v.tokens.size());
}

void check_lists(const PortableVocabulary& v, std::string_view origin) {
  check_data(!v.tokens.empty() && int64_t(v.tokens.size()) <= kMaxTokens,
             "{}: a vocabulary of {} tokens, expected 1 to {}", origin, v.tokens.size(),
             kMaxTokens);
  check_data(v.token_types.empty() || v.token_types.size() == v.tokens.size(),
             "{}: {} token types for {} tokens", origin, v.token_types.size(), v.tokens.size());
  check_data(v.scores.empty() || v.scores.size() == v.tokens.size(), "{}: {} scores for {} tokens",
             origin, v.scores.size(), v.tokens.size());
  for (size_t i = 0; i < v.token_types.size(); ++i) {
    check_data(v.token_types[i] >= Piece::kNormal && v.token_types[i] <= Piece::kByte,
               "{}: token {} has the type {}, expected 1 to 6", origin, i, v.token_types[i]);
  }
  for (auto id : {v.bos, v.eos, v.unknown, v.padding, v.eot}) {
    check_data(in_range(v, id), "{}: a special token has the id {}, expected less than {}", origin,
               id.value_or(0), v.tokens.size());
  }
}

// The type of a token, with what older writers got wrong put right: rows without a token marked as
// user-defined, and the tokens that frame a text marked as normal.
int32_t type_of(const PortableVocabulary& v, size_t i) {
  int32_t type = v.token_types.empty() ? int32_t{Piece::kNormal} : v.token_types[i];
  if (v.tokens[i].empty() || v.tokens[i] == format("[PAD{}]", i)) return Piece::kUnused;
  auto id = int32_t(i);
  bool frame = v.bos == id || v.eos == id || v.padding == id || v.eot == id;
  return frame && type == Piece::kNormal ? int32_t{Piece::kControl} : type;
}

const SplitRules& rules_of(const PortableVocabulary& v, std::string_view origin) {
  std::string_view name = v.pre;
  bool neox = v.tokens.size() > 1 && v.tokens[0] == "<|endoftext|>" && v.tokens[1] == "<|padding|>";
  if (name.empty()) name = neox ? "olmo" : "default";  // files from before rules had names
  const SplitRules* rules = find_split_rules(name);
  if (!rules) {
    fail(ErrorKind::kUnsupported, "{}: the rules \"{}\" for splitting text are not supported",
         origin, name);
  }
  return *rules;
}

void add_merges(const PortableVocabulary& v, BpeModel& model, std::string_view origin) {
  model.merges.reserve(v.merges.size());
  auto find = [&](std::string_view text) {
    auto bytes = bytes_from_alphabet(text);
    return bytes && !bytes->empty() ? model.vocab.find(*bytes) : kNoToken;
  };
  for (size_t rank = 0; rank < v.merges.size(); ++rank) {
    std::string_view line = v.merges[rank];
    size_t space = is_valid_utf8(line) ? line.find(' ') : std::string_view::npos;
    check_data(space != std::string_view::npos, "{}: merge {} must be \"left right\", found \"{}\"",
               origin, rank, replace_invalid_utf8(line));
    std::string_view left = line.substr(0, space), right = line.substr(space + 1);
    int32_t l = find(left), r = find(right), merged = find(std::string(left).append(right));
    check_data(l != kNoToken && r != kNoToken && merged != kNoToken,
               "{}: merge {} (\"{}\") joins or makes what is not in the vocabulary", origin, rank,
               line);
    model.merges.set(l, r, {uint32_t(rank), merged});
  }
}

TokenizerParts make_byte_level(const PortableVocabulary& v, std::string_view origin) {
  const SplitRules& rules = rules_of(v, origin);
  TokenizerParts parts;
  parts.normalizer = rules.normalizer;
  parts.pre_tokenizer = rules.pre_tokenizer;
  BpeModel& model = parts.model;
  model.whole_pieces_first = rules.whole_pieces_first;
  model.vocab.reserve(v.tokens.size());
  std::vector<int32_t> added;
  for (size_t i = 0; i < v.tokens.size(); ++i) {
    int32_t type = type_of(v, i);
    if (type == Piece::kUnused) continue;
    std::string_view token = v.tokens[i];
    check_data(is_valid_utf8(token), "{}: token {} is not UTF-8", origin, i);
    if (type == Piece::kControl || type == Piece::kUserDefined) {
      added.push_back(int32_t(i));
    } else if (auto bytes = bytes_from_alphabet(token)) {
      model.vocab.add(int32_t(i), *bytes, origin);
    } else {
      parts.texts.set(int32_t(i), token);
    }
  }
  for (int32_t id = 0; id < model.vocab.size(); ++id) {
    if (!model.vocab[id].empty()) parts.texts.set(id, model.vocab[id]);
  }
  for (int32_t id : added) {
    const std::string& content = v.tokens[size_t(id)];
    bool special = type_of(v, size_t(id)) == Piece::kControl;
    // Merges may make a token that is found in texts as well.
    if (!special && model.vocab.find(content) == kNoToken) model.vocab.add(id, content, origin);
    parts.add({.id = id, .content = content, .special = special, .normalized = !special}, origin);
  }
  add_merges(v, model, origin);
  for (size_t b = 0; b < 256; ++b) model.byte_ids[b] = model.vocab.find(std::string(1, char(b)));
  if (v.unknown && !model.vocab[*v.unknown].empty()) model.unknown = *v.unknown;
  return parts;
}

TokenizerParts make_from_pieces(const PortableVocabulary& v, std::string_view origin) {
  check_data(!v.scores.empty(), "{}: a vocabulary of kind \"llama\" without scores", origin);
  SentencePieceModel model{.dummy_prefix = v.add_space_prefix,
                           .collapse_spaces = v.remove_extra_whitespaces,
                           .controls_in_text = true};
  for (size_t i = 0; i < v.tokens.size(); ++i) {
    int32_t type = type_of(v, i);
    bool valid = is_valid_utf8(v.tokens[i]) && v.scores[i] == v.scores[i];
    check_data(valid, "{}: token {} is not UTF-8 or has no score", origin, i);
    model.byte_fallback |= type == Piece::kByte;
    model.pieces.push_back({v.tokens[i], v.scores[i], type});
  }
  return make_sentencepiece(model, origin);
}

}  // namespace

PortableVocabulary export_vocabulary(const Tokenizer& tokenizer, int64_t rows) {
  check(rows >= tokenizer.size() && rows <= kMaxTokens,
        "[tokenizer] a vocabulary of {} tokens for {} embedding rows", tokenizer.size(), rows);
  const TokenizerParts& parts = tokenizer.parts();
  PortableVocabulary out;
  for (int64_t i = 0; i < rows; ++i) out.tokens.push_back(format("[PAD{}]", i));
  out.token_types.assign(out.tokens.size(), Piece::kUnused);
  if (parts.model.byte_level) {
    export_byte_level(parts, out);
  } else {
    export_sentencepiece(parts, out);
  }
  out.bos = tokenizer.bos();
  out.eos = tokenizer.eos();
  out.padding = tokenizer.find(parts.pad);
  out.eot = tokenizer.find("<|im_end|>");
  if (parts.model.unknown != kNoToken) out.unknown = parts.model.unknown;
  out.add_bos = tokenizer.adds_bos();
  out.add_eos = parts.adds_eos && out.eos.has_value();
  out.chat_template = tokenizer.chat_template();
  return out;
}

std::shared_ptr<const Tokenizer> make_tokenizer(const PortableVocabulary& v,
                                                std::string_view origin) {
  check_lists(v, origin);
  bool byte_level = v.model == "gpt2";
  if (!byte_level && v.model != "llama") {
    fail(ErrorKind::kUnsupported,
         "{}: a vocabulary of kind \"{}\"; only \"gpt2\" and \"llama\" are supported", origin,
         v.model);
  }
  TokenizerParts parts = byte_level ? make_byte_level(v, origin) : make_from_pieces(v, origin);
  auto content = [&](std::optional<int32_t> id) -> std::string {
    if (!id) return {};
    for (const AddedToken& t : parts.added.tokens) {
      if (t.id == *id) return t.content;
    }
    return std::string(parts.model.vocab[*id]);
  };
  parts.bos = content(v.bos);
  parts.eos = content(v.eos);
  parts.pad = content(v.padding);
  parts.adds_bos = v.add_bos;
  parts.adds_eos = v.add_eos;
  parts.chat_template = v.chat_template;
  return std::make_shared<const Tokenizer>(std::move(parts));
}

}  // namespace slm
