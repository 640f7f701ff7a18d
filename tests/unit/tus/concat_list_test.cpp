#include "concat_list.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/id.hpp>

#include <gtest/gtest.h>

namespace sf::tus {
namespace {

TEST(ConcatList, ReadsPartialAndFinal) {
  EXPECT_EQ(parse_concat("partial")->kind, ConcatKind::kPartial);
  const std::string a = make_id();
  const std::string b = make_id();
  const auto list = parse_concat(
      concat("final;/files/", a, " https://x.example/files/", b, " /files/", a, "?token=1"));
  ASSERT_TRUE(list);
  EXPECT_EQ(list->kind, ConcatKind::kFinal);
  EXPECT_EQ(list->parts, (std::vector<std::string>{a, b, a}));
}

TEST(ConcatList, KeepsEntriesThatNameNothing) {
  const auto list = parse_concat("final;/files/../../etc/passwd /files/");
  ASSERT_TRUE(list);
  EXPECT_EQ(list->parts, (std::vector<std::string>{"", ""}));
}

TEST(ConcatList, RefusesOtherWordsAndEmptyLists) {
  for (const char* field : {"", "final", "final;", "final; ", "Partial", "partial;", "x"}) {
    EXPECT_FALSE(parse_concat(field)) << field;
  }
}

}  // namespace
}  // namespace sf::tus
