#include "text/split_rules.h"

#include <vector>

namespace slm {
namespace {

const std::vector<SplitRules>& all_rules() {
  const Normalizer kAsIs, kNfc{{NormalForm::kNfc}};
  using Step = PreTokenizer::Step;
  auto split = [](std::initializer_list<Matcher> matchers) {
    PreTokenizer p;
    for (Matcher m : matchers) p.steps.push_back({.matcher = m});
    return p;
  };
  PreTokenizer falcon = split({match_punctuation_run, match_gpt2});
  falcon.steps.push_back({.kind = Step::kByteAlphabet});
  falcon.steps.push_back({.matcher = match_digits});
  falcon.steps.push_back({.matcher = match_three_ascii_digits});

  // Of rules that are the same, the name to be written stands first.
  static const std::vector<SplitRules> kRules = {
      {"gpt-2", kAsIs, split({match_gpt2})},
      {"phi-2", kAsIs, split({match_gpt2})},
      {"jais", kAsIs, split({match_gpt2})},
      {"gigachat", kAsIs, split({match_gpt2})},
      {"olmo", kNfc, split({match_gpt2})},
      {"mpt", kNfc, split({match_gpt2})},
      {"starcoder", kAsIs, split({match_digit, match_gpt2})},
      {"refact", kAsIs, split({match_digit, match_gpt2})},
      {"codeshell", kAsIs, split({match_digit, match_gpt2})},
      {"smollm", kAsIs, split({match_digit, match_gpt2})},
      {"command-r", kNfc, split({match_digit, match_gpt2})},
      {"falcon", kAsIs, falcon},
      {"default", kAsIs,
       split({match_punctuation_run, match_gpt2, match_digits, match_three_ascii_digits})},
      {"bloom", kAsIs, split({match_bloom_word})},
      {"gpt3-finnish", kAsIs, split({match_bloom_word})},
      {"stablelm2", kNfc, split({match_single_digits}), true},
      {"qwen2", kNfc, split({match_single_digits}), true},
      {"deepseek-r1-qwen", kNfc, split({match_single_digits}), true},
      {"llama-bpe", kAsIs, split({match_triple_digits}), true},
      {"llama3", kAsIs, split({match_triple_digits}), true},
      {"dbrx", kAsIs, split({match_triple_digits})},
      {"smaug-bpe", kAsIs, split({match_triple_digits})},
  };
  return kRules;
}

}  // namespace

const SplitRules* find_split_rules(std::string_view name) {
  for (const SplitRules& r : all_rules()) {
    if (r.name == name) return &r;
  }
  return nullptr;
}

const SplitRules* find_split_rules(const Normalizer& normalizer, const PreTokenizer& steps) {
  for (const SplitRules& r : all_rules()) {
    if (r.normalizer.steps == normalizer.steps && r.pre_tokenizer.steps == steps.steps) return &r;
  }
  return nullptr;
}

}  // namespace slm
