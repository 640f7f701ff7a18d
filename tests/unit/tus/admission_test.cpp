#include "admission.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace sf::tus {
namespace {

constexpr std::int64_t kNow = 1'000'000'000;

TEST(Admission, CountsBodiesOfAnAccountUntilTheyEnd) {
  Admission admission({.bodies_max = 2});
  auto first = admission.enter("anna", false, kNow);
  auto second = admission.enter("anna", true, kNow);
  ASSERT_TRUE(first && second);
  const auto third = admission.enter("anna", false, kNow);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().status, 429);
  EXPECT_EQ(third.error().code, "too_many_uploads");
  EXPECT_GT(third.error().retry_after_seconds, 0u);
  EXPECT_TRUE(admission.enter("bert", false, kNow)) << "another account";
  {
    const auto ends = std::move(*first);
  }
  EXPECT_TRUE(admission.enter("anna", false, kNow));
}

TEST(Admission, CountsCreationsOfAMinute) {
  Admission admission({.creations_per_minute_max = 3});
  for (int n = 0; n < 3; ++n) EXPECT_TRUE(admission.enter("anna", true, kNow));
  const auto fourth = admission.enter("anna", true, kNow + 20'000);
  ASSERT_FALSE(fourth);
  EXPECT_EQ(fourth.error().code, "too_many_creations");
  EXPECT_EQ(fourth.error().retry_after_seconds, 40u);
  EXPECT_TRUE(admission.enter("anna", false, kNow + 20'000)) << "a PATCH begins none";
  EXPECT_TRUE(admission.enter("anna", true, kNow + 60'000));
}

TEST(Admission, AClockSetBackHoldsNobodyUp) {
  Admission admission({.creations_per_minute_max = 1});
  EXPECT_TRUE(admission.enter("anna", true, kNow));
  EXPECT_FALSE(admission.enter("anna", true, kNow + 1));
  EXPECT_TRUE(admission.enter("anna", true, kNow - 3'600'000));
}

TEST(Admission, NobodyAndNoLimitAreNotCounted) {
  Admission strict({.bodies_max = 1, .creations_per_minute_max = 1});
  Admission open({});
  std::vector<Admission::Pass> passes;
  for (int n = 0; n < 100; ++n) {
    auto nobody = strict.enter("", true, kNow);
    auto anyone = open.enter("anna", true, kNow);
    ASSERT_TRUE(nobody && anyone);
    passes.push_back(std::move(*nobody));
    passes.push_back(std::move(*anyone));
  }
}

TEST(Admission, ForgetsIdleAccounts) {
  Admission admission({.bodies_max = 1});
  auto stays = admission.enter("stays", false, kNow);
  for (int n = 0; n < 5'000; ++n) {
    EXPECT_TRUE(admission.enter(std::to_string(n), true, kNow + n * 100));
  }
  EXPECT_FALSE(admission.enter("stays", false, kNow + 900'000));
}

}  // namespace
}  // namespace sf::tus
