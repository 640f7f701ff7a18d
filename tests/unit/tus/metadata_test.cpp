#include "metadata.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/limits.hpp>

#include <gtest/gtest.h>

namespace sf::tus {
namespace {

std::string pair(std::string_view key, std::string_view value) {
  return concat(key, ' ', to_base64(as_bytes(value)));
}

TEST(Metadata, ReadsPairsFlagsAndEmptyValues) {
  const auto metadata = Metadata::parse("filename YQ==,flag,k ,x Yg==");
  ASSERT_TRUE(metadata);
  EXPECT_EQ(metadata->all().size(), 4u);
  EXPECT_EQ(metadata->get("filename"), "a");
  EXPECT_EQ(metadata->get("flag"), "");
  EXPECT_EQ(metadata->get("k"), "");
  EXPECT_EQ(metadata->get("x"), "b");
  EXPECT_EQ(metadata->get("Filename"), std::nullopt);
  EXPECT_TRUE(Metadata::parse("")->all().empty());
}

TEST(Metadata, RefusesWhatWouldBeLostInSilence) {
  for (const char* field : {"a YQ==,a Yg==", "a YQ==,,b Yg==", ",a YQ==", "a YQ==,",
                            "a  YQ==", " a YQ==", "a YQ==, b Yg==", "a YQ=", "a YQ", "a !!!!",
                            "a YQ== x", "\xc3\xa9 YQ==", "a\tb YQ=="}) {
    const auto metadata = Metadata::parse(field);
    ASSERT_FALSE(metadata) << field;
    EXPECT_EQ(metadata.error().code, ErrorCode::kInvalidArgument) << field;
  }
}

TEST(Metadata, HasALimit) {
  const std::string at_limit = concat("a ", std::string(limits::kMetadataBytesMax - 4, 'A'));
  EXPECT_TRUE(Metadata::parse(at_limit.substr(0, at_limit.size() / 4 * 4 - 2)));
  const auto over = Metadata::parse(std::string(limits::kMetadataBytesMax + 1, 'a'));
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, ErrorCode::kTooLarge);
}

TEST(Metadata, DescribesAVideo) {
  struct Row {
    std::string field;
    const char* title;
    const char* filename;
  };
  const Row rows[] = {
      {"", "Untitled", ""},
      {pair("filename", "holiday.mp4"), "holiday", "holiday.mp4"},
      {pair("name", "a.b.mkv"), "a.b", "a.b.mkv"},
      {pair("filename", ".hidden"), ".hidden", ".hidden"},
      {pair("filename", "../../etc/passwd"), "passwd", "passwd"},
      {pair("filename", "C:\\videos\\x.mov"), "x", "x.mov"},
      {pair("filename", "a\r\nSet-Cookie: x.mp4"), "a  Set-Cookie: x", "a  Set-Cookie: x.mp4"},
      {pair("filename", std::string_view("a\0b.mp4", 7)), "a b", "a b.mp4"},
      {pair("filename", "\xff\xfe.mp4"), "??", "??.mp4"},
      {pair("title", "  My film  ") + "," + pair("filename", "x.mp4"), "My film", "x.mp4"},
      {pair("title", "\n") + "," + pair("filename", "x.mp4"), "x", "x.mp4"},
  };
  for (const Row& row : rows) {
    const auto description = describe(*Metadata::parse(row.field));
    ASSERT_TRUE(description) << row.field;
    EXPECT_EQ(description->title, row.title) << row.field;
    EXPECT_EQ(description->filename, row.filename) << row.field;
    EXPECT_EQ(description->visibility, store::Visibility::kUnlisted);
  }
}

TEST(Metadata, TakesVisibilityButDoesNotGuessIt) {
  EXPECT_EQ(describe(*Metadata::parse(pair("visibility", "public")))->visibility,
            store::Visibility::kPublic);
  EXPECT_EQ(describe(*Metadata::parse(pair("visibility", "private")))->visibility,
            store::Visibility::kPrivate);
  EXPECT_EQ(describe(*Metadata::parse("visibility"))->visibility, store::Visibility::kUnlisted);
  EXPECT_FALSE(describe(*Metadata::parse(pair("visibility", "privat"))));
}

TEST(Metadata, CutsDisplayTextBetweenCharacters) {
  EXPECT_EQ(to_display_text("a\xc3\xa9", 2), "a");
  EXPECT_EQ(to_display_text("a\xc3\xa9", 3), "a\xc3\xa9");
  EXPECT_EQ(to_display_text("\xe2\x82\xac\xe2\x82\xac", 5), "\xe2\x82\xac");
  EXPECT_EQ(to_display_text(std::string(600, 'x'), 512).size(), 512u);
}

}  // namespace
}  // namespace sf::tus
