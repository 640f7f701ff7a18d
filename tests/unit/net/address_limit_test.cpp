#include <streamforge/net/address_limit.hpp>

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace sf::net {
namespace {

TEST(AddressPrefix, HoldsWhatBeginsAlike) {
  struct Row {
    const char* prefix;
    const char* host;
    bool holds;
  };
  for (const Row& row :
       {Row{"192.0.2.0/24", "192.0.2.255", true}, Row{"192.0.2.0/24", "192.0.3.0", false},
        Row{"192.0.2.128/25", "192.0.2.127", false}, Row{"192.0.2.7", "192.0.2.7", true},
        Row{"192.0.2.7", "192.0.2.8", false}, Row{"0.0.0.0/0", "203.0.113.9", true},
        Row{"0.0.0.0/0", "2001:db8::1", false}, Row{"127.0.0.0/8", "127.9.9.9", true},
        Row{"127.0.0.0/8", "::1", false}, Row{"2001:db8::/32", "2001:db8:ffff::1", true},
        Row{"2001:db8::/33", "2001:db8:8000::1", false}, Row{"::1", "::1", true},
        Row{"::/0", "2001:db8::1", true}, Row{"::/0", "", false}}) {
    const auto prefix = AddressPrefix::parse(row.prefix);
    ASSERT_TRUE(prefix) << row.prefix;
    EXPECT_EQ(prefix->holds(Address{row.host, 1}), row.holds) << row.prefix << ' ' << row.host;
  }
}

TEST(AddressPrefix, RefusesWhatIsNone) {
  for (const char* text : {"", "/8", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "2001:db8::/129",
                           "example.org", "192.0.2/24", "[::1]", "192.0.2.0/24/24"}) {
    const auto prefix = AddressPrefix::parse(text);
    ASSERT_FALSE(prefix) << text;
    EXPECT_EQ(prefix.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(AddressLimit, CountsAnAddressAndGivesPlacesBack) {
  AddressLimit limit(3, {});
  std::vector<AddressLimit::Place> places;
  for (int i = 0; i < 3; ++i) {
    auto place = limit.enter({"192.0.2.1", static_cast<std::uint16_t>(i)});
    ASSERT_TRUE(place);
    places.push_back(std::move(*place));
  }
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(limit.enter({"192.0.2.1", 9}));
  EXPECT_TRUE(limit.enter({"192.0.2.2", 9})) << "another address";
  places.pop_back();
  EXPECT_TRUE(limit.enter({"192.0.2.1", 9})) << "the refused left no trace";
}

TEST(AddressLimit, TakesAnIpv6NetworkForOneAddress) {
  AddressLimit limit(1, {});
  const auto place = limit.enter({"2001:db8:1:2::1", 1});
  EXPECT_TRUE(place);
  EXPECT_FALSE(limit.enter({"2001:db8:1:2:ffff:ffff:ffff:ffff", 1}));
  EXPECT_TRUE(limit.enter({"2001:db8:1:3::1", 1}));
  const auto v4 = limit.enter({"192.0.2.1", 1});
  EXPECT_TRUE(v4);
  EXPECT_FALSE(limit.enter({"::ffff:192.0.2.1", 1}));
  EXPECT_TRUE(limit.enter({"192.0.2.2", 1})) << "IPv4 has no networks";
}

TEST(AddressLimit, ExemptAndUnixPeersAreNotCounted) {
  AddressLimit limit(1, {*AddressPrefix::parse("127.0.0.0/8"), *AddressPrefix::parse("::1")});
  std::vector<AddressLimit::Place> places;
  for (const char* host : {"127.0.0.1", "127.0.0.1", "::1", "::1", "", ""}) {
    auto place = limit.enter({host, 1});
    ASSERT_TRUE(place) << host;
    places.push_back(std::move(*place));
  }
  AddressLimit none(0, {});
  for (int i = 0; i < 10; ++i) {
    auto place = none.enter({"192.0.2.1", 1});
    ASSERT_TRUE(place);
    places.push_back(std::move(*place));
  }
}

// Others never make an address count short, and seldom make it count more.
TEST(AddressLimit, ManyAddressesDoNotDisturbEachOther) {
  AddressLimit limit(8, {});
  std::vector<AddressLimit::Place> places;
  unsigned refused = 0;
  for (unsigned n = 0; n < 20'000; ++n) {
    const std::string host = "10." + std::to_string(n >> 16) + "." + std::to_string(n >> 8 & 255) +
                             "." + std::to_string(n & 255);
    for (int i = 0; i < 4; ++i) {
      auto place = limit.enter({host, 1});
      if (place) places.push_back(std::move(*place));
      refused += !place;
    }
  }
  EXPECT_LT(refused, 40u) << "of 80,000";
  places.clear();
  for (int i = 0; i < 8; ++i) places.push_back(*limit.enter({"10.0.0.1", 1}));
  EXPECT_FALSE(limit.enter({"10.0.0.1", 1}));
}

TEST(AddressLimit, IsTheSameForAllThreads) {
  AddressLimit limit(100, {});
  std::vector<std::vector<AddressLimit::Place>> places(4);
  std::vector<std::thread> threads;
  for (auto& mine : places) {
    threads.emplace_back([&limit, &mine] {
      for (int i = 0; i < 20'000; ++i) {
        if (auto place = limit.enter({"192.0.2.1", 1})) mine.push_back(std::move(*place));
        if (i % 3 == 0 && !mine.empty()) mine.pop_back();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::size_t inside = 0;
  for (const auto& mine : places) inside += mine.size();
  EXPECT_LE(inside, 100u);
  for (; inside < 100; ++inside) {
    auto place = limit.enter({"192.0.2.1", 1});
    ASSERT_TRUE(place) << "a place was lost: " << inside;
    places.front().push_back(std::move(*place));
  }
  EXPECT_FALSE(limit.enter({"192.0.2.1", 1}));
}

TEST(AddressLimit, IsNewsOnceAMinute) {
  AddressLimit limit(1, {});
  std::uint64_t untold = 0;
  EXPECT_TRUE(limit.is_news(1'000, untold));
  EXPECT_EQ(untold, 1u);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(limit.is_news(2'000, untold));
  EXPECT_FALSE(limit.is_news(999, untold)) << "another reactor's clock, a turn behind";
  EXPECT_TRUE(limit.is_news(61'000, untold));
  EXPECT_EQ(untold, 12u);
}

}  // namespace
}  // namespace sf::net
