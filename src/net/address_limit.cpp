#include <streamforge/net/address_limit.hpp>

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/id.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <functional>

namespace sf::net {

namespace {

constexpr std::uint64_t kSayAgainMs = 60'000;
constexpr unsigned kIpv4Bits = 32;
constexpr unsigned kIpv6Bits = 128;
using Bytes = std::array<std::uint8_t, 16>;

/// The address as IPv6, IPv4 mapped into it (RFC 4291 section 2.5.5.2); nothing for a Unix socket.
std::optional<Bytes> to_bytes(const std::string& host) noexcept {
  Bytes out{};
  if (::inet_pton(AF_INET6, host.c_str(), out.data()) == 1) return out;
  out[10] = out[11] = 0xFF;
  if (::inet_pton(AF_INET, host.c_str(), out.data() + 12) == 1) return out;
  return std::nullopt;
}

bool is_ipv4(const Bytes& address) noexcept {
  const Bytes mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  return std::equal(address.begin(), address.begin() + 12, mapped.begin());
}

/// The /64 of an IPv6 address; IPv4 among the multicast addresses, where no peer is.
std::uint64_t key_of(const Bytes& address) noexcept {
  std::uint64_t key = ~std::uint64_t{0};
  if (is_ipv4(address)) {
    std::memcpy(&key, address.data() + 12, 4);
  } else {
    std::memcpy(&key, address.data(), sizeof key);
  }
  return key;
}

/// MurmurHash3's finalizer: every bit of the key moves half of the bits.
std::uint64_t mix(std::uint64_t bits) noexcept {
  bits = (bits ^ (bits >> 33)) * 0xFF51AFD7ED558CCDull;
  bits = (bits ^ (bits >> 33)) * 0xC4CEB9FE1A85EC53ull;
  return bits ^ (bits >> 33);
}

}  // namespace

Result<AddressPrefix> AddressPrefix::parse(std::string_view text) {
  const auto slash = std::min(text.find('/'), text.size());
  const auto address = to_bytes(std::string(text.substr(0, slash)));
  AddressPrefix prefix;
  if (address) {
    prefix.bytes_ = *address;
    const bool v4 = text.substr(0, slash).find(':') == std::string_view::npos;
    const unsigned bits_max = v4 ? kIpv4Bits : kIpv6Bits;
    const auto bits = slash == text.size() ? std::optional<std::uint64_t>(bits_max)
                                           : parse_decimal(text.substr(slash + 1), bits_max);
    if (bits) {
      prefix.bits_ = static_cast<unsigned>(*bits) + kIpv6Bits - bits_max;
      return prefix;
    }
  }
  return fail(ErrorCode::kInvalidArgument,
              concat("\"", text, "\" is neither an address nor ADDRESS/BITS, as in 192.0.2.0/24"));
}

bool AddressPrefix::holds(const Address& address) const noexcept {
  const auto bytes = to_bytes(address.host);
  return bytes && holds(*bytes);
}

bool AddressPrefix::holds(const Bytes& address) const noexcept {
  const unsigned whole = bits_ / 8;
  if (!std::equal(bytes_.begin(), bytes_.begin() + whole, address.begin())) return false;
  const unsigned rest = bits_ % 8;
  return rest == 0 || (bytes_[whole] ^ address[whole]) >> (8 - rest) == 0;
}

AddressLimit::AddressLimit(unsigned connections_max, std::vector<AddressPrefix> exempt)
    : max_(connections_max),
      exempt_(std::move(exempt)),
      seed_(std::hash<std::string>{}(make_secret())) {
  if (max_ > 0) rows_ = std::make_unique<std::array<Row, kRows>>();
}

std::atomic<std::uint32_t>& AddressLimit::counter(unsigned row, std::uint64_t hash) noexcept {
  return (*rows_)[row][(hash >> (row * kIndexBits)) % (1u << kIndexBits)];
}

std::optional<AddressLimit::Place> AddressLimit::enter(const Address& peer) noexcept {
  if (!rows_) return Place();
  const auto bytes = to_bytes(peer.host);
  if (!bytes) return Place();
  for (const AddressPrefix& each : exempt_) {
    if (each.holds(*bytes)) return Place();
  }
  const std::uint64_t hash = mix(key_of(*bytes) ^ seed_);
  std::uint32_t before = ~0u;
  for (unsigned row = 0; row < kRows; ++row) {
    before = std::min(before, counter(row, hash).fetch_add(1, std::memory_order_relaxed));
  }
  Place place(*this, hash);
  if (before >= max_) return std::nullopt;
  return place;
}

void AddressLimit::leave(std::uint64_t hash) noexcept {
  for (unsigned row = 0; row < kRows; ++row) {
    counter(row, hash).fetch_sub(1, std::memory_order_relaxed);
  }
}

bool AddressLimit::is_news(std::uint64_t now_ms, std::uint64_t& untold) noexcept {
  untold_.fetch_add(1, std::memory_order_relaxed);
  std::uint64_t said_ms = said_ms_.load(std::memory_order_relaxed);
  // Reactors' clocks differ by a turn, so `now_ms` may lie before.
  if (said_ms != 0 && now_ms < said_ms + kSayAgainMs) return false;
  if (!said_ms_.compare_exchange_strong(said_ms, now_ms)) return false;  // Another reactor says it.
  untold = untold_.exchange(0, std::memory_order_relaxed);
  return true;
}

}  // namespace sf::net
