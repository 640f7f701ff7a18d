#pragma once

/// The keys of session tickets (RFC 5077, RFC 8446 section 4.6.1), for one reactor. They come from
/// a secret that moves on by the clock: each period's is the digest of the one before. So reactors
/// that began with the same secret agree for ever without a word between them, and what is two
/// periods old cannot be had back from memory.

#include <openssl/crypto.h>

#include <array>
#include <cstdint>

namespace sf::net {

class TicketKeys {
 public:
  using Secret = std::array<unsigned char, 32>;
  using Name = std::array<unsigned char, 16>;
  struct Key {
    Name name{};
    std::array<unsigned char, 32> encryption{};
    std::array<unsigned char, 32> authentication{};
  };

  /// `secret` is that of the period which begins at `begun_ms`.
  TicketKeys(const Secret& secret, std::uint64_t begun_ms);
  TicketKeys(const TicketKeys&) = delete;
  ~TicketKeys();

  /// The key for new tickets. `now_ms` never goes back.
  [[nodiscard]] const Key& current(std::uint64_t now_ms);
  /// The key of that name, if it is this period's or the last one's.
  [[nodiscard]] const Key* find(const unsigned char* name, std::uint64_t now_ms);

 private:
  void derive();
  void move_on(std::uint64_t now_ms);

  Secret secret_;
  std::uint64_t begun_ms_;
  Key current_;
  Key last_;
};

}  // namespace sf::net
