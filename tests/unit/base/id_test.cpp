#include <streamforge/base/id.hpp>

#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace sf {
namespace {

TEST(Id, HasItsShapeAndDoesNotRepeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = make_id();
    EXPECT_TRUE(is_id(id)) << id;
    EXPECT_TRUE(seen.insert(id).second) << id;
  }
}

TEST(Id, SortsByAge) {
  const std::string older = make_id();
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  EXPECT_LT(older, make_id());
}

TEST(Id, RefusesOtherShapes) {
  EXPECT_TRUE(is_id("01hf7yat00aaaaaaaaaaaaaaaa"));
  for (const char* bad :
       {"", "01hf7yat00aaaaaaaaaaaaaaa", "01hf7yat00aaaaaaaaaaaaaaaaa",
        "01HF7YAT00AAAAAAAAAAAAAAAA", "01hf7yat00aaaaaaaaaaaaaaau", "81hf7yat00aaaaaaaaaaaaaaaa",
        "../../../../../../etc/pass", "01hf7yat00aaaaaaaaaaaaaaa/"}) {
    EXPECT_FALSE(is_id(bad)) << bad;
  }
  EXPECT_FALSE(is_id(std::string_view("01hf7yat00aaaaaaaaaaaaaaa\0", 26)));
}

TEST(Secret, IsAsLongAsItsBytes) {
  EXPECT_EQ(make_secret(32).size(), 52u);
  EXPECT_EQ(make_secret(5).size(), 8u);
  EXPECT_NE(make_secret(), make_secret());
}

}  // namespace
}  // namespace sf
