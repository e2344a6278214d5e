#include "train/vocabulary.h"

#include "text/tokenizer.h"
#include "util/error.h"

namespace slm {

namespace fs = std::filesystem;

Vocabulary open_vocabulary(const RunConfig& config, bool may_be_missing) {
  Vocabulary v{.tokens = config.shape.vocab_size};
  fs::path file = config.data.tokenizer;
  bool skip = file.empty() || (may_be_missing && !fs::exists(file));
  if (!skip) {
    auto tokenizer = load_tokenizer(file);
    if (v.tokens == 0) v.tokens = tokenizer->size();
    check(v.tokens >= tokenizer->size(), "[config] vocab_size is {}, but {} has {} tokens",
          v.tokens, file.string(), tokenizer->size());
    v.special = {tokenizer->bos(), tokenizer->eos()};
    if (!v.special.eos) v.special.eos = tokenizer->find("<|endoftext|>");
    v.tokenizer = file;
  }
  check(v.tokens > 0,
        "[config] the size of the vocabulary is unknown: give vocab_file (--tokenizer) or "
        "vocab_size{}",
        skip && !file.empty() ? format("; {} does not exist", file.string()) : "");
  return v;
}

}  // namespace slm
