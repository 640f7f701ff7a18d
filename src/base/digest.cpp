#include <streamforge/base/digest.hpp>

#include <streamforge/base/assert.hpp>

#include <openssl/evp.h>
#include <zlib.h>

#include <algorithm>

namespace sf {

namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

const EVP_MD* method_of(DigestAlgorithm algorithm) noexcept {
  switch (algorithm) {
    case DigestAlgorithm::kSha1:
      return EVP_sha1();
    case DigestAlgorithm::kSha256:
      return EVP_sha256();
    case DigestAlgorithm::kSha512:
      return EVP_sha512();
    case DigestAlgorithm::kMd5:
      return EVP_md5();
    case DigestAlgorithm::kCrc32:
      break;
  }
  return nullptr;
}

}  // namespace

std::optional<DigestAlgorithm> digest_algorithm(std::string_view tus_name) noexcept {
  if (tus_name == "sha1") return DigestAlgorithm::kSha1;
  if (tus_name == "sha256") return DigestAlgorithm::kSha256;
  if (tus_name == "md5") return DigestAlgorithm::kMd5;
  if (tus_name == "crc32") return DigestAlgorithm::kCrc32;
  return std::nullopt;
}

std::size_t digest_bytes(DigestAlgorithm algorithm) noexcept {
  switch (algorithm) {
    case DigestAlgorithm::kSha1:
      return 20;
    case DigestAlgorithm::kSha256:
      return 32;
    case DigestAlgorithm::kSha512:
      return 64;
    case DigestAlgorithm::kMd5:
      return 16;
    case DigestAlgorithm::kCrc32:
      return 4;
  }
  return 0;
}

struct Digest::State {
  DigestAlgorithm algorithm;
  std::unique_ptr<EVP_MD_CTX, FreeContext> context;  ///< Empty for crc32.
  std::uint32_t crc = 0;
};

Digest::Digest(DigestAlgorithm algorithm) : state_(std::make_unique<State>()) {
  state_->algorithm = algorithm;
  const EVP_MD* method = method_of(algorithm);
  if (!method) return;
  state_->context.reset(EVP_MD_CTX_new());
  SF_ASSERT(EVP_DigestInit_ex(state_->context.get(), method, nullptr) == 1);
}

Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;
Digest::~Digest() = default;

void Digest::update(ByteSpan bytes) {
  SF_ASSERT(state_ != nullptr);
  if (state_->context) {
    SF_ASSERT(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1);
  } else if (!bytes.empty()) {  // crc32_z takes a null pointer as "start again".
    state_->crc = static_cast<std::uint32_t>(
        crc32_z(state_->crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  }
}

std::vector<std::byte> Digest::finish() {
  SF_ASSERT(state_ != nullptr);
  std::vector<std::byte> out(digest_bytes(state_->algorithm));
  if (state_->context) {
    auto* to = reinterpret_cast<unsigned char*>(out.data());
    SF_ASSERT(EVP_DigestFinal_ex(state_->context.get(), to, nullptr) == 1);
  } else {
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<std::byte>(state_->crc >> (24 - 8 * i) & 0xFF);
    }
  }
  state_.reset();
  return out;
}

std::string sha256_hex(ByteSpan bytes) {
  Digest digest(DigestAlgorithm::kSha256);
  digest.update(bytes);
  return to_hex(digest.finish());
}

std::string hmac_sha256_hex(std::string_view key, std::string_view message) {
  constexpr std::size_t kBlockBytes = 64;
  std::vector<std::byte> block(kBlockBytes);
  if (key.size() > kBlockBytes) {
    Digest shortened(DigestAlgorithm::kSha256);
    shortened.update(as_bytes(key));
    const auto bytes = shortened.finish();
    std::copy(bytes.begin(), bytes.end(), block.begin());
  } else {
    const ByteSpan bytes = as_bytes(key);
    std::copy(bytes.begin(), bytes.end(), block.begin());
  }
  std::vector<std::byte> code;
  for (const unsigned pad : {0x36u, 0x5cu}) {
    std::vector<std::byte> padded = block;
    for (std::byte& byte : padded) byte ^= static_cast<std::byte>(pad);
    Digest digest(DigestAlgorithm::kSha256);
    digest.update(padded);
    digest.update(code.empty() ? as_bytes(message) : ByteSpan(code));
    code = digest.finish();
  }
  return to_hex(code);
}

}  // namespace sf
