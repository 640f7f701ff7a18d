#pragma once

/// How many connections one address may have, counted over all reactors. An IPv6 address stands for
/// its /64, which one host has to itself (RFC 6177); IPv4 is the same in either form. Any thread,
/// without a lock: asked once a connection, never on the way of a request.
///
/// The counts are a sketch of fixed size: each address has one counter in each of a few rows,
/// shared with others by a secret hash, and the smallest of them is its count or more. So memory
/// does not grow with who connects; nobody is ever counted short; and somebody is refused for
/// others' sake only when all of their counters are also those of addresses at the limit (for
/// 100,000 connections and a limit of 100, less than one address in a million).

#include <streamforge/net/connection.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sf::net {

/// Addresses that begin alike: "192.0.2.0/24", "2001:db8::/32", or one address without "/".
class AddressPrefix {
 public:
  [[nodiscard]] static Result<AddressPrefix> parse(std::string_view text);
  [[nodiscard]] bool holds(const Address& address) const noexcept;

 private:
  friend class AddressLimit;
  using Bytes = std::array<std::uint8_t, 16>;  ///< Of IPv6; IPv4 is mapped into it.
  [[nodiscard]] bool holds(const Bytes& address) const noexcept;

  Bytes bytes_{};
  unsigned bits_ = 0;
};

class AddressLimit {
 public:
  /// The place of one connection, given back when destroyed. Empty for who is not counted. Must not
  /// outlive the limit.
  class Place {
   public:
    Place() noexcept = default;
    Place(Place&& other) noexcept
        : limit_(std::exchange(other.limit_, nullptr)), hash_(other.hash_) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (limit_) limit_->leave(hash_);
    }

   private:
    friend class AddressLimit;
    Place(AddressLimit& limit, std::uint64_t hash) noexcept : limit_(&limit), hash_(hash) {}
    AddressLimit* limit_ = nullptr;
    std::uint64_t hash_ = 0;
  };

  /// 0: no limit.
  AddressLimit(unsigned connections_max, std::vector<AddressPrefix> exempt);
  AddressLimit(const AddressLimit&) = delete;

  /// Nothing when the address has all that it may have.
  [[nodiscard]] std::optional<Place> enter(const Address& peer) noexcept;
  /// Whether a refusal is to be told to the log: once a minute; `untold` is how many there were
  /// since, this one included.
  [[nodiscard]] bool is_news(std::uint64_t now_ms, std::uint64_t& untold) noexcept;
  [[nodiscard]] unsigned connections_max() const noexcept { return max_; }

 private:
  static constexpr unsigned kRows = 4;
  static constexpr unsigned kIndexBits = 15;
  using Row = std::array<std::atomic<std::uint32_t>, 1u << kIndexBits>;

  /// The hash has an index for each row.
  [[nodiscard]] std::atomic<std::uint32_t>& counter(unsigned row, std::uint64_t hash) noexcept;
  void leave(std::uint64_t hash) noexcept;

  const unsigned max_;
  const std::vector<AddressPrefix> exempt_;
  const std::uint64_t seed_;

  // All reactors': counters, and what was said last.
  std::unique_ptr<std::array<Row, kRows>> rows_;
  std::atomic<std::uint64_t> said_ms_{0};
  std::atomic<std::uint64_t> untold_{0};
};

}  // namespace sf::net
