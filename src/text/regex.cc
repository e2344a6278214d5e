#include "text/regex.h"

#include "util/error.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace slm {
namespace {

struct Free {
  void operator()(pcre2_code* p) const { pcre2_code_free(p); }
  void operator()(pcre2_match_data* p) const { pcre2_match_data_free(p); }
  void operator()(pcre2_match_context* p) const { pcre2_match_context_free(p); }
};

}  // namespace

struct Regex::Code {
  std::unique_ptr<pcre2_code, Free> code;
  std::unique_ptr<pcre2_match_context, Free> limits;
};

Regex::Regex(std::string_view source, bool literal, std::string_view origin) {
  constexpr size_t kMaxBytes = 4096;
  constexpr uint32_t kMaxSteps = 1'000'000, kMaxKilobytes = 65536;
  check_data(!source.empty() && source.size() <= kMaxBytes,
             "{}: a pattern of {} bytes, expected 1 to {}", origin, source.size(), kMaxBytes);
  uint32_t options = PCRE2_UTF | (literal ? PCRE2_LITERAL : PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C);
  int error = 0;
  PCRE2_SIZE at = 0;
  auto code = std::make_unique<Code>();
  code->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(source.data()), source.size(),
                                 options, &error, &at, nullptr));
  if (!code->code) {
    PCRE2_UCHAR message[128] = {};
    pcre2_get_error_message(error, message, sizeof message);
    fail(ErrorKind::kUnsupported, "{}: the pattern \"{}\" cannot be used: {} at byte {}", origin,
         source, reinterpret_cast<const char*>(message), at);
  }
  code->limits.reset(pcre2_match_context_create(nullptr));
  check(code->limits != nullptr, "no memory for a pattern");
  pcre2_set_match_limit(code->limits.get(), kMaxSteps);
  pcre2_set_depth_limit(code->limits.get(), kMaxSteps);
  pcre2_set_heap_limit(code->limits.get(), kMaxKilobytes);
  code_ = std::move(code);
}

Regex::~Regex() = default;

Match Regex::find(std::string_view text, size_t begin) const {
  std::unique_ptr<pcre2_match_data, Free> data(
      pcre2_match_data_create_from_pattern(code_->code.get(), nullptr));
  check(data != nullptr, "no memory for a pattern");
  int found =
      pcre2_match(code_->code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), begin,
                  PCRE2_NOTEMPTY | PCRE2_NO_UTF_CHECK, data.get(), code_->limits.get());
  if (found == PCRE2_ERROR_NOMATCH) return {text.size(), text.size()};
  if (found < 0) {
    PCRE2_UCHAR message[128] = {};
    pcre2_get_error_message(found, message, sizeof message);
    fail(ErrorKind::kInvalid, "[tokenizer] a pattern failed on this text: {}",
         reinterpret_cast<const char*>(message));
  }
  const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(data.get());
  // \K and look-around may move the bounds.
  check(ends[0] >= begin && ends[1] > ends[0], "[tokenizer] a pattern matches backwards");
  return {ends[0], ends[1]};
}

}  // namespace slm
