// SentencePiece models of type BPE.
// Kudo, Richardson, "SentencePiece: a simple and language independent subword tokenizer", 2018;
// the file is the protobuf message ModelProto of that project.
#include "text/sentencepiece.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "text/protobuf_reader.h"
#include "text/tokenizer_json_steps.h"
#include "text/tokenizer_parts.h"
#include "text/unicode.h"

namespace slm {
namespace {

// The message as it stands in the file.
struct Proto {
  SentencePieceModel model;
  int64_t type = 1;  // unigram, unless the file says otherwise
  bool space_as_suffix = false, escape_spaces = true;
  int64_t bos = 1, eos = 2;
  std::string_view rules;  // compiled character replacements
};

Piece read_piece(std::string_view bytes, std::string_view origin) {
  Piece piece;
  for (ProtobufReader r(bytes, origin); r.next();) {
    if (r.field() == 1) piece.text = r.text();
    if (r.field() == 2) piece.score = r.number();
    if (r.field() == 3) piece.type = r.integer();
  }
  check_data(!piece.text.empty() && is_valid_utf8(piece.text), "{}: a piece is empty or not UTF-8",
             origin);
  check_data(!std::isnan(piece.score), "{}: piece \"{}\" has no score", origin, piece.text);
  check_data(piece.type >= Piece::kNormal && piece.type <= Piece::kByte,
             "{}: piece \"{}\" has the unknown type {}", origin, piece.text, piece.type);
  return piece;
}

Proto read_proto(std::string_view bytes, std::string_view origin) {
  Proto proto;
  SentencePieceModel& model = proto.model;
  for (ProtobufReader r(bytes, origin); r.next();) {
    if (r.field() == 1) {
      check_data(int64_t(model.pieces.size()) < kMaxTokens, "{}: more than {} pieces", origin,
                 kMaxTokens);
      model.pieces.push_back(read_piece(r.text(), origin));
    } else if (r.field() == 2) {
      for (ProtobufReader t(r.text(), origin); t.next();) {
        if (t.field() == 3) proto.type = t.integer();
        if (t.field() == 24) proto.space_as_suffix = t.boolean();
        if (t.field() == 35) model.byte_fallback = t.boolean();
        if (t.field() == 41) proto.bos = t.integer();
        if (t.field() == 42) proto.eos = t.integer();
      }
    } else if (r.field() == 3) {
      for (ProtobufReader n(r.text(), origin); n.next();) {
        if (n.field() == 2) proto.rules = n.text();
        if (n.field() == 3) model.dummy_prefix = n.boolean();
        if (n.field() == 4) model.collapse_spaces = n.boolean();
        if (n.field() == 5) proto.escape_spaces = n.boolean();
      }
    }
  }
  return proto;
}

void check_supported(const Proto& proto, std::string_view origin) {
  constexpr int64_t kBpe = 2;
  check_data(!proto.model.pieces.empty(), "{}: has no pieces; not a SentencePiece model", origin);
  auto refuse = [&](bool refused, std::string_view what) {
    if (refused) fail(ErrorKind::kUnsupported, "{}: {}", origin, what);
  };
  refuse(proto.type != kBpe, "only models of type BPE are supported");
  refuse(!proto.rules.empty(), "models with compiled normalisation rules are not supported");
  for (const Piece& p : proto.model.pieces) {
    refuse(p.type == Piece::kUnused,
           format("piece \"{}\" is marked unused, which is not supported", p.text));
  }
  refuse(proto.space_as_suffix, "models with white space as a suffix are not supported");
  refuse(!proto.escape_spaces, "models that do not escape white space are not supported");
}

void add_piece(TokenizerParts& parts, int32_t id, const Piece& piece, bool controls_in_text,
               std::string_view origin) {
  auto add_token = [&](bool special) {
    parts.added.tokens.push_back({.id = id,
                                  .content = std::string(piece.text),
                                  .special = special,
                                  .normalized = !special || !controls_in_text,
                                  .in_normal_form = true,
                                  .in_text = !special || controls_in_text});
  };
  std::string plain = replace_all(piece.text, {std::string(kSpaceMark), " "});
  switch (piece.type) {
    case Piece::kNormal:
      parts.model.vocab.add(id, piece.text, origin);
      parts.texts.set(id, plain);
      break;
    case Piece::kUnknown:
      parts.model.unknown = id;
      parts.texts.set(id, " \u2047 ");
      add_token(true);
      break;
    case Piece::kControl:
      add_token(true);
      break;
    case Piece::kUserDefined:
      parts.texts.set(id, plain);
      add_token(false);
      break;
    case Piece::kByte: {
      auto byte = byte_of_token(piece.text);
      check_data(byte.has_value(), "{}: byte piece {} is \"{}\"", origin, id, piece.text);
      parts.model.byte_ids[size_t(*byte)] = id;
      parts.texts.set(id, std::string(1, char(*byte)));
      break;
    }
    default:
      break;  // an id without a token
  }
}

// Equal scores get equal ranks: the leftmost of such pairs merges first.
std::vector<uint32_t> ranks(const std::vector<Piece>& pieces) {
  std::vector<float> scores;
  for (const Piece& p : pieces) scores.push_back(p.score);
  std::ranges::sort(scores, std::greater<>{});
  scores.erase(std::unique(scores.begin(), scores.end()), scores.end());
  std::vector<uint32_t> out;
  for (const Piece& p : pieces) {
    auto at = std::ranges::lower_bound(scores, p.score, std::greater<>{});
    out.push_back(uint32_t(at - scores.begin()));
  }
  return out;
}

}  // namespace

TokenizerParts make_sentencepiece(const SentencePieceModel& model, std::string_view origin) {
  TokenizerParts parts;
  parts.model.byte_level = false;
  parts.model.fuse_unknown = true;
  parts.model.vocab.reserve(model.pieces.size());
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    add_piece(parts, int32_t(i), model.pieces[i], model.controls_in_text, origin);
    parts.scores.push_back(model.pieces[i].score);
  }
  parts.model.add_all_splits(ranks(model.pieces));
  if (!model.byte_fallback) parts.model.byte_ids.fill(kNoToken);

  auto& steps = parts.normalizer.steps;
  if (model.collapse_spaces) steps.emplace_back(CollapseSpaces{});
  if (model.dummy_prefix) steps.emplace_back(Prepend{" "});
  steps.emplace_back(Replace{" ", std::string(kSpaceMark)});
  if (model.collapse_spaces) steps.emplace_back(TrimEnd{std::string(kSpaceMark)});
  if (model.dummy_prefix) parts.leading_space = LeadingSpace::kDropOne;
  if (model.collapse_spaces) parts.leading_space = LeadingSpace::kDropAll;
  parts.invalid_bytes = InvalidBytes::kEachByte;
  return parts;
}

TokenizerParts read_sentencepiece(std::string_view bytes, std::string_view origin) {
  Proto proto = read_proto(bytes, origin);
  check_supported(proto, origin);
  TokenizerParts parts = make_sentencepiece(proto.model, origin);
  auto content = [&](int64_t id) {
    const auto& pieces = proto.model.pieces;
    bool there = id >= 0 && id < int64_t(pieces.size());
    return there ? std::string(pieces[size_t(id)].text) : std::string();
  };
  parts.bos = content(proto.bos);
  parts.eos = content(proto.eos);
  parts.adds_bos = !parts.bos.empty();
  return parts;
}

}  // namespace slm
