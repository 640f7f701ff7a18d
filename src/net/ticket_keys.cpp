#include "ticket_keys.hpp"

#include <streamforge/base/assert.hpp>
#include <streamforge/base/limits.hpp>

#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace sf::net {

namespace {

/// SHA-256 of a word and the secret: one value for each use.
TicketKeys::Secret derived(std::string_view use, const TicketKeys::Secret& secret) {
  std::array<unsigned char, 64> text{};
  SF_ASSERT(use.size() + secret.size() <= text.size());
  std::memcpy(text.data(), use.data(), use.size());
  std::memcpy(text.data() + use.size(), secret.data(), secret.size());
  TicketKeys::Secret out;
  const int made = ::EVP_Digest(text.data(), use.size() + secret.size(), out.data(), nullptr,
                                ::EVP_sha256(), nullptr);
  SF_ASSERT(made == 1);
  ::OPENSSL_cleanse(text.data(), text.size());
  return out;
}

}  // namespace

TicketKeys::TicketKeys(const Secret& secret, std::uint64_t begun_ms)
    : secret_(secret), begun_ms_(begun_ms) {
  derive();
  last_ = current_;
}

TicketKeys::~TicketKeys() {
  ::OPENSSL_cleanse(&secret_, sizeof secret_);
  ::OPENSSL_cleanse(&current_, sizeof current_);
  ::OPENSSL_cleanse(&last_, sizeof last_);
}

void TicketKeys::derive() {
  const Secret name = derived("name", secret_);
  std::copy_n(name.begin(), current_.name.size(), current_.name.begin());
  current_.encryption = derived("encryption", secret_);
  current_.authentication = derived("authentication", secret_);
}

void TicketKeys::move_on(std::uint64_t now_ms) {
  while (now_ms >= begun_ms_ + limits::kTlsTicketMs) {
    begun_ms_ += limits::kTlsTicketMs;
    last_ = current_;
    secret_ = derived("next", secret_);
    derive();
  }
}

const TicketKeys::Key& TicketKeys::current(std::uint64_t now_ms) {
  move_on(now_ms);
  return current_;
}

const TicketKeys::Key* TicketKeys::find(const unsigned char* name, std::uint64_t now_ms) {
  move_on(now_ms);
  for (const Key* key : {&current_, &last_}) {
    if (std::memcmp(key->name.data(), name, key->name.size()) == 0) return key;
  }
  return nullptr;
}

}  // namespace sf::net
