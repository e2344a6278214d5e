// Tiktoken rank files: a line per token, its bytes in base64 and its rank, which is its id. Pairs
// merge by the rank of what they make.
#include <charconv>
#include <functional>

#include "text/tokenizer_parts.h"
#include "util/error.h"

namespace slm {
namespace {

std::string from_base64(std::string_view text, std::string_view origin, int64_t line) {
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  auto value = [](char c) {
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
  };
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  for (char c : text) {
    check_data(value(c) >= 0, "{}: line {} is not base64", origin, line);
    bits = bits << 6 | uint32_t(value(c));
    count += 6;
    if (count >= 8) bytes += char(bits >> (count -= 8));
  }
  return bytes;
}

}  // namespace

TokenizerParts read_tiktoken(std::string_view ranks, std::string_view origin) {
  TokenizerParts parts;
  BpeModel& model = parts.model;
  int64_t line_number = 0;
  while (!ranks.empty()) {
    ++line_number;
    std::string_view line = ranks.substr(0, ranks.find('\n'));
    ranks.remove_prefix(std::min(ranks.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    size_t space = line.find(' ');
    int32_t id = kNoToken;
    bool ok = space != std::string_view::npos;
    if (ok) {
      const char* end = line.data() + line.size();
      auto [stop, error] = std::from_chars(line.data() + space + 1, end, id);
      ok = error == std::errc{} && stop == end;
    }
    check_data(ok, "{}: line {} must be \"base64 rank\"", origin, line_number);
    model.vocab.add(id, from_base64(line.substr(0, space), origin, line_number), origin);
  }
  check_data(model.vocab.size() > 0, "{}: has no tokens", origin);
  model.whole_pieces_first = true;
  std::vector<uint32_t> rank_of_id;
  for (int32_t id = 0; id < model.vocab.size(); ++id) rank_of_id.push_back(uint32_t(id));
  model.add_all_splits(rank_of_id);
  for (int b = 0; b < 256; ++b) {
    model.byte_ids[size_t(b)] = model.vocab.find(std::string(1, char(b)));
    check_data(model.byte_ids[size_t(b)] != kNoToken, "{}: byte {} has no token", origin, b);
  }
  parts.texts = model.vocab.texts();
  parts.normalizer.steps.emplace_back(NormalForm::kNfc);
  parts.pre_tokenizer.steps.push_back({.matcher = match_single_digits});
  return parts;
}

void add_known_special_tokens(TokenizerParts& parts) {
  constexpr int64_t kArcade = 100256, kQwen = 151643;
  std::vector<std::string> contents;
  if (parts.model.vocab.size() == kArcade) {
    contents = {"<|reg_extra|>",   "<|endoftext|>",   "<|fim_prefix|>",   "<|fim_middle|>",
                "<|fim_suffix|>",  "<|fim_pad|>",     "<gh_stars>",       "<filename>",
                "<issue_start>",   "<issue_comment>", "<issue_closed>",   "<jupyter_start>",
                "<jupyter_text>",  "<jupyter_code>",  "<jupyter_output>", "<empty_output>",
                "<commit_before>", "<commit_msg>",    "<commit_after>",   "<reponame>",
                "<|endofprompt|>", "<|im_start|>",    "<|im_end|>",       "<|pause|>"};
    for (int i = 0; i < 8; ++i) contents.push_back(format("<|reg{}|>", i));
    contents.push_back("<|extra0|>");
  } else if (parts.model.vocab.size() == kQwen) {
    contents = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
    for (int i = 0; i <= 204; ++i) contents.push_back(format("<|extra_{}|>", i));
  }
  auto id = int32_t(parts.model.vocab.size());
  for (std::string& content : contents) {
    parts.add({.id = id++, .content = std::move(content), .special = true}, "special tokens");
  }
}

}  // namespace slm
