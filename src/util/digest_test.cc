#include "util/digest.h"

#include <gtest/gtest.h>

namespace slm {
namespace {

// The examples of FIPS 180, and what `git hash-object` says of a file "hello\n".
TEST(Digest, GivesTheStandardValues) {
  EXPECT_EQ(sha256_hex(std::as_bytes(std::span(std::string_view("abc")))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Digest parts(DigestKind::kSha256);
  parts.update("a");
  parts.update("");
  parts.update("bc");
  EXPECT_EQ(parts.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Digest blob(DigestKind::kSha1);
  blob.update(std::string_view("blob 6\0", 7));
  blob.update("hello\n");
  EXPECT_EQ(blob.hex(), "ce013625030ba8dba906f756967f9e9ca394464a");
}

}  // namespace
}  // namespace slm
