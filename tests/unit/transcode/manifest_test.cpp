#include "manifest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sf::transcode {
namespace {

using ::testing::HasSubstr;

ManifestHead head() {
  ManifestHead out;
  out.input = "/films/a.mp4";
  out.bytes = 123;
  out.modified_ns = 456;
  out.rungs = {"720p", "360p"};
  return out;
}

TEST(Manifest, IsReadBackLineByLine) {
  const ManifestSegment segment{
      "720p", 3, 1'000, 360'000, "avc1.64001f", 2, {{0, {940, 376}}, {180'000, {188, 9'400}}}};
  const std::string text = encode(head()) + encode(ManifestSpool{"abc", 9}) + planned_line() +
                           encode(segment) + complete_line();
  const auto found = parse_manifest(text);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->head, head());
  EXPECT_EQ(found->spool->sha256, "abc");
  EXPECT_TRUE(found->planned);
  EXPECT_TRUE(found->complete);
  ASSERT_EQ(found->segments.size(), 1u);
  EXPECT_EQ(encode(found->segments[0]), encode(segment));
}

TEST(Manifest, ALineThatWasCutOffCountsForNothing) {
  const std::string whole = encode(head()) + encode(ManifestSegment{"720p", 0, 1, 1, "", 0});
  const std::string cut = encode(ManifestSegment{"720p", 1, 1, 1, "", 0});
  for (std::size_t length = 0; length < cut.size(); ++length) {
    const auto found = parse_manifest(whole + cut.substr(0, length));
    ASSERT_TRUE(found) << length;
    EXPECT_EQ(found->segments.size(), 1u);
  }
}

TEST(Manifest, RefusesWhatItDoesNotUnderstand) {
  EXPECT_EQ(parse_manifest("").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(parse_manifest("{}\n").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(parse_manifest("{\"streamforge\":2}\n").error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(parse_manifest(encode(head()) + "nonsense\n").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(parse_manifest(encode(head()) + "{\"other\":1}\n").error().code, ErrorCode::kCorrupt);
}

TEST(Manifest, SaysWhyARunDoesNotGoOn) {
  EXPECT_EQ(difference(head(), head()), "");
  ManifestHead other = head();
  other.input = "/films/b.mp4";
  EXPECT_THAT(difference(head(), other), HasSubstr("/films/a.mp4"));
  other = head();
  other.modified_ns = 0;
  EXPECT_THAT(difference(head(), other), HasSubstr("changed"));
  other = head();
  other.rungs = {"720p"};
  EXPECT_THAT(difference(head(), other), HasSubstr("ladder"));
  other = head();
  other.segment_seconds = 6;
  EXPECT_THAT(difference(head(), other), HasSubstr("4 s"));
  other = head();
  other.copy = false;
  EXPECT_THAT(difference(head(), other), HasSubstr("--copy true"));
}

}  // namespace
}  // namespace sf::transcode
