#include "util/digest.h"

#include <openssl/evp.h>

#include <array>

#include "util/error.h"

namespace slm {

void Digest::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Digest::Digest(DigestKind kind) : context_(EVP_MD_CTX_new()) {
  const EVP_MD* function = kind == DigestKind::kSha1 ? EVP_sha1() : EVP_sha256();
  if (!context_ || EVP_DigestInit_ex(context_.get(), function, nullptr) != 1)
    fail(ErrorKind::kUnsupported, "OpenSSL refuses to compute {}",
         kind == DigestKind::kSha1 ? "SHA-1" : "SHA-256");
}

Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;

void Digest::update(std::span<const std::byte> bytes) {
  if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1)
    fail(ErrorKind::kUnsupported, "OpenSSL cannot go on with a digest");
}

std::string Digest::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw;
  unsigned int size = 0;
  if (EVP_DigestFinal_ex(context_.get(), raw.data(), &size) != 1)
    fail(ErrorKind::kUnsupported, "OpenSSL cannot finish a digest");
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text += format("{:02x}", raw[i]);
  return text;
}

std::string sha256_hex(std::span<const std::byte> bytes) {
  Digest digest(DigestKind::kSha256);
  digest.update(bytes);
  return digest.hex();
}

}  // namespace slm
