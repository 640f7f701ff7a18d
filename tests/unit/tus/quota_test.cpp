#include "quota.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace sf::tus {
namespace {

TEST(Quota, AnAccountIsCountedFirst) {
  Quota quota({.bytes_max = 100});
  EXPECT_FALSE(quota.try_take("anna", 10));
  const auto refused = quota.take("anna", 10, {.bytes = 91});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, 413);
  EXPECT_EQ(refused.error().code, "account_full");
  EXPECT_TRUE(quota.take("anna", 10, {.bytes = 90}));
  EXPECT_TRUE(quota.try_take("anna", 10)) << "the place was given back";
  EXPECT_FALSE(quota.try_take("bert", 10)) << "another account";
}

TEST(Quota, PlacesNotYetKeptCount) {
  Quota quota({.bytes_max = 100});
  auto first = quota.take("anna", 60, {});
  ASSERT_TRUE(first);
  EXPECT_FALSE(quota.try_take("anna", 60)) << "it is being made";
  EXPECT_FALSE(quota.take("anna", 60, {})) << "though its record is not there yet";
  first->keep();
  EXPECT_FALSE(quota.try_take("anna", 60));
  EXPECT_TRUE(quota.take("anna", 60, {})) << "it was deleted meanwhile";
}

TEST(Quota, UnfinishedOnesAreLimitedToo) {
  Quota quota({.unfinished_max = 2});
  auto first = quota.take("anna", 1, {});
  ASSERT_TRUE(first);
  first->keep();
  auto second = quota.try_take("anna", 1);
  ASSERT_TRUE(second);
  second->keep();
  EXPECT_FALSE(quota.try_take("anna", 1));
  const auto third = quota.take("anna", 1, {.unfinished = 2});
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().status, 429);
  EXPECT_GT(third.error().retry_after_seconds, 0u);
  EXPECT_TRUE(quota.take("anna", 1, {.unfinished = 1})) << "one has ended";
}

TEST(Quota, NothingOverflows) {
  Quota quota({.bytes_max = 100});
  EXPECT_FALSE(quota.take("anna", ~std::uint64_t{0}, {.bytes = 50}));
  EXPECT_FALSE(quota.take("anna", 1, {.bytes = 200})) << "the limit was lowered";
}

TEST(Quota, NobodyAndNoLimitAlwaysHaveAPlace) {
  Quota strict({.bytes_max = 1, .unfinished_max = 1});
  Quota open({});
  std::vector<Quota::Place> places;
  for (int n = 0; n < 100; ++n) {
    auto nobody = strict.try_take("", 1'000);
    auto anyone = open.try_take("anna", 1'000);
    ASSERT_TRUE(nobody && anyone);
    places.push_back(std::move(*nobody));
    places.push_back(std::move(*anyone));
  }
}

}  // namespace
}  // namespace sf::tus
