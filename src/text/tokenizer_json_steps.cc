#include "text/tokenizer_json_steps.h"

#include <charconv>
#include <functional>

namespace slm {
namespace {

[[noreturn]] void unsupported(const JsonView& section, std::string_view what) {
  fail(ErrorKind::kUnsupported, "{}: \"{}\" is not supported", section.where(), what);
}

// Calls visit(section, type) for a section, or for each member if it is a Sequence.
void each_member(const JsonView& section, std::string_view list_key,
                 const std::function<void(const JsonView&, std::string_view)>& visit,
                 int depth = 0) {
  check_data(depth < 8, "{} is nested too deeply", section.where());
  std::string_view type = section.at("type").string();
  if (type != "Sequence") return visit(section, type);
  section.at(list_key).each([&](const JsonView& s) { each_member(s, list_key, visit, depth + 1); });
}

// {"String": ...} or {"Regex": ...}
std::shared_ptr<const Regex> read_pattern(const JsonView& pattern) {
  auto text = pattern.find("String"), regex = pattern.find("Regex");
  if (!text && !regex) unsupported(pattern, "a pattern that is neither a String nor a Regex");
  const JsonView& source = text ? *text : *regex;
  return std::make_shared<const Regex>(source.string(), text.has_value(), source.where());
}

Replace read_replace(const JsonView& section) {
  JsonView from = section.at("pattern").at("String");
  check_data(!from.string().empty(), "{} is empty", from.where());
  return {std::string(from.string()), std::string(section.at("content").string())};
}

Normalizer::Step read_normalizing_replace(const JsonView& section) {
  JsonView pattern = section.at("pattern");
  if (pattern.find("String")) return read_replace(section);
  return ReplaceRegex{read_pattern(pattern), std::string(section.at("content").string())};
}

PreTokenizer::Step read_split(const JsonView& section) {
  using Step = PreTokenizer::Step;
  JsonView pattern = section.at("pattern");
  Step step;
  if (auto regex = pattern.find("Regex")) step.matcher = find_matcher(regex->string());
  if (!step.matcher) step.regex = read_pattern(pattern);
  std::string_view behavior = section.at("behavior").string();
  step.inverted = section.boolean_or("invert", false);
  if (behavior == "Removed") {
    (step.inverted ? step.keep_gaps : step.keep_matches) = false;
    step.inverted = false;
  } else if (behavior == "Isolated") {
    step.inverted = false;
  } else {
    struct Known {
      std::string_view name;
      Step::Join join;
    };
    constexpr Known kKnown[] = {{"Contiguous", Step::kRuns},
                                {"MergedWithPrevious", Step::kBefore},
                                {"MergedWithNext", Step::kBehind}};
    for (const Known& k : kKnown) {
      if (k.name == behavior) step.join = k.join;
    }
    if (step.join == Step::kNone) unsupported(section, behavior);
  }
  return step;
}

// A class of characters, each one a piece of its own or each run of them.
PreTokenizer::Step read_class(const JsonView& section, Matcher one, Matcher run, bool runs) {
  if (auto b = section.find("behavior")) {
    if (b->string() != "Isolated" && b->string() != "Contiguous") unsupported(section, b->string());
    runs = b->string() == "Contiguous";
  }
  PreTokenizer::Step step;
  step.matcher = runs ? run : one;
  return step;
}

PreTokenizer::Step read_metaspace(const JsonView& section) {
  using Step = PreTokenizer::Step;
  Step step;
  step.kind = Step::kMetaspace;
  step.replacement = section.at("replacement").string();
  check_data(!step.replacement.empty(), "{}.replacement is empty", section.where());
  step.prefix = section.boolean_or("add_prefix_space", true) ? Step::kAlways : Step::kNever;
  if (auto scheme = section.find("prepend_scheme")) {
    std::string_view s = scheme->string();
    if (s != "always" && s != "first" && s != "never") unsupported(*scheme, s);
    step.prefix = s == "always" ? Step::kAlways : s == "first" ? Step::kFirst : Step::kNever;
  }
  step.split = section.boolean_or("split", true);
  return step;
}

}  // namespace

std::string byte_token(int byte) { return format("<0x{:02X}>", byte); }

std::optional<int> byte_of_token(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || !token.ends_with('>')) return {};
  unsigned byte = 0;  // signed, "<0x-A>" would be one
  auto [end, error] = std::from_chars(token.data() + 3, token.data() + 5, byte, 16);
  if (error != std::errc{} || end != token.data() + 5) return {};
  return int(byte);
}

std::string DecoderSteps::text_of(std::string_view token) const {
  if (byte_tokens) {
    if (auto byte = byte_of_token(token)) return std::string(1, char(*byte));
  }
  std::string text(token);
  for (const Replace& r : replacements) text = replace_all(text, r);
  return text;
}

void read_normalizer(const JsonView& section, Normalizer& normalizer) {
  each_member(section, "normalizers", [&](const JsonView& s, std::string_view type) {
    auto& steps = normalizer.steps;
    if (type == "NFC") {
      steps.emplace_back(NormalForm::kNfc);
    } else if (type == "NFD") {
      steps.emplace_back(NormalForm::kNfd);
    } else if (type == "NFKC") {
      steps.emplace_back(NormalForm::kNfkc);
    } else if (type == "NFKD") {
      steps.emplace_back(NormalForm::kNfkd);
    } else if (type == "Lowercase") {
      steps.emplace_back(Lowercase{});
    } else if (type == "Prepend") {
      steps.emplace_back(Prepend{std::string(s.at("prepend").string())});
    } else if (type == "Replace") {
      steps.push_back(read_normalizing_replace(s));
    } else {
      unsupported(s, type);
    }
  });
}

bool read_pre_tokenizer(const JsonView& section, PreTokenizer& pre_tokenizer) {
  bool byte_level = false, mapped = false;
  each_member(section, "pretokenizers", [&](const JsonView& s, std::string_view type) {
    auto& steps = pre_tokenizer.steps;
    if (byte_level && type == "ByteLevel") unsupported(s, "a second ByteLevel");
    if (byte_level && !mapped) {
      steps.push_back({.kind = PreTokenizer::Step::kByteAlphabet});
      mapped = true;
    }
    if (type == "ByteLevel") {
      byte_level = true;
      if (s.boolean_or("add_prefix_space", false)) {
        steps.push_back({.kind = PreTokenizer::Step::kPrefixSpace});
      }
      if (s.boolean_or("use_regex", true)) steps.push_back({.matcher = match_gpt2});
    } else if (type == "Split") {
      steps.push_back(read_split(s));
    } else if (type == "Digits") {
      bool runs = !s.boolean_or("individual_digits", false);
      steps.push_back(read_class(s, match_digit, match_digits, runs));
    } else if (type == "Punctuation") {
      steps.push_back(read_class(s, match_punctuation, match_punctuation_run, false));
    } else if (type == "Metaspace") {
      steps.push_back(read_metaspace(s));
    } else {
      unsupported(s, type);
    }
    check_data(steps.size() <= 16, "{}: more than 16 steps", section.where());
  });
  return byte_level;
}

void read_decoder(const JsonView& section, DecoderSteps& decoder) {
  each_member(section, "decoders", [&](const JsonView& s, std::string_view type) {
    if (type == "Replace") {
      decoder.replacements.push_back(read_replace(s));
    } else if (type == "ByteFallback") {
      decoder.byte_tokens = true;
    } else if (type == "Strip") {
      bool plain = s.at("content").string() == " " && s.at("start").integer() <= 1 &&
                   s.at("stop").integer() == 0;
      if (!plain) unsupported(s, "Strip of more than one leading space");
      decoder.drop_leading_space = s.at("start").integer() == 1;
    } else if (type == "Metaspace") {
      PreTokenizer::Step step = read_metaspace(s);
      decoder.replacements.push_back({step.replacement, " "});
      decoder.drop_leading_space = step.prefix != PreTokenizer::Step::kNever;
    } else if (type != "ByteLevel" && type != "Fuse") {
      unsupported(s, type);
    }
  });
}

}  // namespace slm
