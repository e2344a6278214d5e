// libFuzzer target: hostile tokenizer files. The first byte chooses the format; whatever loads must
// encode and decode without harm.
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"
#include "text/tokenizer_parts.h"
#include "util/error.h"

namespace {

std::shared_ptr<const slm::Tokenizer> load(uint8_t format, std::string_view bytes) {
  switch (format % 4) {
    case 0:
      return slm::parse_tokenizer_json(bytes, "fuzz");
    case 1:
      return slm::parse_sentencepiece(bytes, "fuzz");
    case 2:
      return std::make_shared<slm::Tokenizer>(slm::read_tiktoken(bytes, "fuzz"));
    default: {
      size_t cut = bytes.find('\0');
      std::string_view merges = cut < bytes.size() ? bytes.substr(cut + 1) : std::string_view();
      return std::make_shared<slm::Tokenizer>(
          slm::read_vocab_and_merges(bytes.substr(0, cut), merges, "fuzz"));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    auto tokenizer = load(data[0], bytes);
    tokenizer->decode(tokenizer->encode(bytes));
    tokenizer->decode(
        tokenizer->encode("It's 2 \xE2\x96\x81words\xFF <s>", {.parse_special = false}));
    std::vector<int32_t> ids(size_t(std::min<int64_t>(tokenizer->size(), 1000)));
    std::iota(ids.begin(), ids.end(), -1);
    tokenizer->decode(ids, true);
  } catch (const slm::Error&) {
  }
  return 0;
}
