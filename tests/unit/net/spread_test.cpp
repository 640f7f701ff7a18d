#include <streamforge/net/spread.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace sf::net {
namespace {

/// How many each of `reactors` has after so many have come, all accepted by the first.
std::vector<unsigned> all_to_the_first(unsigned reactors, unsigned connections) {
  Spread spread(reactors);
  std::vector<unsigned> has(reactors);
  for (unsigned n = 0; n < connections; ++n) ++has[spread.enter(0)];
  return has;
}

TEST(Spread, KeepsWhatIsAloneHere) {
  EXPECT_EQ(all_to_the_first(1, 100), std::vector<unsigned>{100});
}

TEST(Spread, DealsOutWhatOneAccepts) {
  EXPECT_EQ(all_to_the_first(2, 2), (std::vector<unsigned>{1, 1}));
  EXPECT_EQ(all_to_the_first(4, 8), (std::vector<unsigned>{2, 2, 2, 2}));
  for (const unsigned reactors : {2u, 3u, 16u}) {
    const auto has = all_to_the_first(reactors, 1000);
    const auto [least, most] = std::minmax_element(has.begin(), has.end());
    EXPECT_LE(*most, *least + *least / 16 + 1) << reactors;
  }
}

TEST(Spread, LeavesWhatIsNearlyEven) {
  Spread spread(2);
  for (unsigned n = 0; n < 200; ++n) {
    EXPECT_EQ(spread.enter(n % 2), n % 2) << "a move that nobody needs";
  }
  for (unsigned n = 0; n < 6; ++n) EXPECT_EQ(spread.enter(0), 0u);
}

TEST(Spread, FillsUpWhereOthersLeave) {
  Spread spread(2);
  for (unsigned n = 0; n < 64; ++n) (void)spread.enter(n % 2);
  for (unsigned n = 0; n < 30; ++n) spread.leave(1);
  for (unsigned n = 0; n < 28; ++n) EXPECT_EQ(spread.enter(0), 1u) << n;
}

}  // namespace
}  // namespace sf::net
