#include "ticket_keys.hpp"

#include <streamforge/base/limits.hpp>

#include <gtest/gtest.h>

namespace sf::net {
namespace {

constexpr std::uint64_t kPeriodMs = limits::kTlsTicketMs;

TEST(TicketKeys, ReactorsThatBeganTogetherAgree) {
  TicketKeys::Secret secret{};
  secret[3] = 7;
  TicketKeys one(secret, 1000);
  TicketKeys other(secret, 1000);
  for (const std::uint64_t now_ms : {1000ul, 1000 + kPeriodMs, 1000 + 9 * kPeriodMs + 5}) {
    const TicketKeys::Key key = one.current(now_ms);
    const TicketKeys::Key* found = other.find(key.name.data(), now_ms);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->encryption, key.encryption);
    EXPECT_EQ(found->authentication, key.authentication);
    EXPECT_NE(key.encryption, key.authentication);
  }
}

TEST(TicketKeys, AKeyIsUsedForAPeriodAndKnownForAnother) {
  TicketKeys keys(TicketKeys::Secret{}, 0);
  const TicketKeys::Key first = keys.current(0);
  EXPECT_EQ(keys.current(kPeriodMs - 1).name, first.name);
  EXPECT_NE(keys.current(kPeriodMs).name, first.name);
  EXPECT_NE(keys.find(first.name.data(), 2 * kPeriodMs - 1), nullptr);
  EXPECT_EQ(keys.find(first.name.data(), 2 * kPeriodMs), nullptr);
}

TEST(TicketKeys, OtherSecretsGiveOtherKeys) {
  TicketKeys::Secret secret{};
  TicketKeys one(secret, 0);
  secret[31] = 1;
  TicketKeys other(secret, 0);
  EXPECT_EQ(other.find(one.current(0).name.data(), 0), nullptr);
}

}  // namespace
}  // namespace sf::net
