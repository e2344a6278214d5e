// Token ids of many documents on disk: <prefix>.bin holds the ids back to back, <prefix>.idx says
// where each document lies. Format: the "mmap" indexed dataset of Megatron-LM and GPT-NeoX.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "util/files.h"
#include "util/mapped_file.h"

namespace slm {

// Element types by their codes in the index.
enum class TokenType : uint8_t { kU8 = 1, kI8 = 2, kI16 = 3, kI32 = 4, kI64 = 5, kU16 = 8 };

int token_bytes(TokenType type);
std::string_view token_type_name(TokenType type);  // "u16"
TokenType token_type_for(int64_t vocab_size);      // as the original tools choose: u16 below 65500

// The index alone, checked in itself; lengths and offsets stay where they are mapped.
struct TokenIndex {
  TokenType type;
  int64_t documents, tokens;
  const std::byte* lengths;  // i32 each, unaligned
  const std::byte* offsets;  // i64 each, unaligned
};
TokenIndex parse_token_index(std::span<const std::byte> file, const std::string& origin);

// Read-only and safe to share between threads. "Document" is one item of the index.
class TokenFile {
 public:
  // `prefix` is the path without .bin and .idx; either extension may be given too.
  explicit TokenFile(const std::filesystem::path& prefix);

  const std::filesystem::path& prefix() const { return prefix_; }
  TokenType type() const { return index_.type; }
  int64_t documents() const { return index_.documents; }
  int64_t tokens() const { return index_.tokens; }
  int64_t length(int64_t document) const;

  // Tokens [begin, begin + out.size()) of a document. Error when an id does not fit in 0..2^31-1.
  void read(int64_t document, int64_t begin, std::span<int32_t> out) const;
  // The same of a label file, where negative numbers stand for tokens without a loss.
  void read_labels(int64_t document, int64_t begin, std::span<int32_t> out) const;

  std::span<const std::byte> bytes() const { return bin_->bytes(); }  // of all documents in a row

 private:
  const std::byte* place(int64_t document, int64_t begin, size_t count) const;

  std::filesystem::path prefix_;
  std::shared_ptr<const MappedFile> idx_, bin_;
  TokenIndex index_;
};

// What the numbers of a label file say about the tokens of another: predict this one, or, where
// negative, count no loss for it.
constexpr int32_t kNoLabel = -100;

// Writes such a pair. Ids stream to the disk; 4 bytes a document stay in memory. Nothing appears
// under the final names before commit().
class TokenFileWriter {
 public:
  enum class Content : uint8_t { kTokens, kLabels };  // labels may be kNoLabel

  TokenFileWriter(std::filesystem::path prefix, TokenType type, Content content = Content::kTokens);
  void add(std::span<const int32_t> document);  // error when an id does not fit the type
  // All documents of a file of the same type. `copied` hears of the bytes as they go.
  void append(const TokenFile& file, const std::function<void(int64_t)>& copied = {});
  int64_t documents() const { return int64_t(lengths_.size()); }
  int64_t tokens() const { return tokens_; }
  void commit();

 private:
  void flush();

  std::filesystem::path prefix_;
  TokenType type_;
  Content content_;
  AtomicFile bin_;
  std::string buffer_;
  std::vector<int32_t> lengths_;
  int64_t tokens_ = 0;
};

}  // namespace slm
