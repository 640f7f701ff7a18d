#include "subtitles.hpp"

#include <streamforge/base/limits.hpp>
#include <streamforge/hls/subtitle_pack.hpp>

#include "engine_case.hpp"
#include "support/process.hpp"

namespace sf::transcode {
namespace {

constexpr const char* kHeader = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n\n";

std::string segment_of(const std::string& pack, std::uint32_t track, std::uint32_t segment) {
  const auto text = hls::packed_segment(pack, track, segment);
  EXPECT_TRUE(text) << text.error().message;
  return text ? std::string(*text) : std::string();
}

hls::PackedTrack track_of(const std::string& pack, std::size_t track) {
  const auto head = hls::read_pack_head(as_bytes(pack));
  const auto tracks =
      hls::read_pack_tracks(*head, as_bytes(std::string_view(pack).substr(
                                       hls::kPackHeadBytes, head->tracks * hls::kPackTrackBytes)));
  return tracks->at(track);
}

// A film with one track of SubRip that says `text`.
std::string film_with(const test::TempDir& folder, const std::string& text) {
  test::write_file(folder.path() / "a.srt", text);
  const std::string out = folder.file("a.mkv");
  const auto made =
      test::run_program({"ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-i",
                         test::clip({.kind = "mp4", .seconds = 9}), "-f", "srt", "-i",
                         folder.file("a.srt"), "-map", "0", "-map", "1", "-c", "copy", out});
  EXPECT_EQ(made.exit, 0) << made.err;
  return out;
}

TEST(Subtitles, TheIndexFindsTracksAndWhatCannotBeShown) {
  EngineCase source(test::ClipOptions{.kind = "subtitles", .seconds = 9});
  ASSERT_TRUE(source.ok()) << source.error().message;
  const auto& found = source.plan().index.subtitles;
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].codec, "subrip");
  EXPECT_EQ(found[0].language, "en");
  EXPECT_EQ(found[0].title, "English");
  EXPECT_TRUE(found[0].is_default);
  EXPECT_FALSE(found[0].forced);
  EXPECT_EQ(found[0].left_out, "");
  EXPECT_EQ(found[1].language, "de");
  EXPECT_TRUE(found[1].forced);
  EXPECT_EQ(found[2].language, "fr");
  EXPECT_EQ(found[2].left_out, "it is made of pictures, not of text");
}

TEST(Subtitles, AreReadOutOfEveryContainer) {
  for (const char* kind : {"subtitles", "subtitles-mp4", "subtitles-webm"}) {
    SCOPED_TRACE(kind);
    EngineCase source(test::ClipOptions{.kind = kind, .seconds = 9});
    ASSERT_TRUE(source.ok()) << source.error().message;
    const auto pack = extract_subtitles(source.source(), source.plan(), {});
    ASSERT_TRUE(pack) << pack.error().message;
    EXPECT_EQ(track_of(*pack, 0).cues, 2u);
    const std::string border = "00:00:03.500 --> 00:00:05.000\nAcross the border\n\n";
    const std::string first = segment_of(*pack, 0, 0);
    EXPECT_TRUE(first.starts_with(concat(kHeader,
                                         "00:00:01.000 --> 00:00:03.000\n"
                                         "Hello <b>bold</b> &amp; <i>world</i>\nx")))
        << first;
    const std::string second = segment_of(*pack, 0, 1);
    EXPECT_EQ(second, first + border);
    EXPECT_EQ(segment_of(*pack, 0, 2), kHeader + border);
    EXPECT_EQ(segment_of(*pack, 0, 3), kHeader);
    const std::string german = segment_of(*pack, 1, 1);
    EXPECT_NE(german.find("\n00:00:02.000 --> 00:00:04.500"), std::string::npos) << german;
    EXPECT_NE(german.find("Gott\nZweite Zeile\n"), std::string::npos) << german;
  }
}

TEST(Subtitles, OfOneTrackTheOthersAreNot) {
  EngineCase source(test::ClipOptions{.kind = "subtitles", .seconds = 9});
  const auto pack = extract_subtitles(source.source(), source.plan(), {});
  ASSERT_TRUE(pack);
  EXPECT_NE(segment_of(*pack, 1, 1).find("<i>Grüß</i> Gott"), std::string::npos);
  EXPECT_NE(segment_of(*pack, 1, 1).find(" line:0\n"), std::string::npos);
  EXPECT_EQ(track_of(*pack, 1).cues, 1u) << "a drawing is no text";
  EXPECT_EQ(track_of(*pack, 2).fault, hls::TrackFault::kUnreadable);
  EXPECT_EQ(segment_of(*pack, 2, 0), kHeader);
}

TEST(Subtitles, ACancelledReadingEndsAndMayBeRepeated) {
  EngineCase source(test::ClipOptions{.kind = "subtitles", .seconds = 9});
  const auto cut = extract_subtitles(source.source(), source.plan(), [](double done) {
    EXPECT_GE(done, 0);
    EXPECT_LE(done, 1);
    return false;
  });
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(extract_subtitles(source.source(), source.plan(), {}));
}

TEST(Subtitles, HostileTextStaysInItsCue) {
  const test::TempDir folder;
  const std::string path = film_with(folder,
                                     "1\n00:00:01,000 --> 00:00:02,000\n"
                                     "<script>alert(1)</script> {\\p0\\fs9}--\\N>\n\n"
                                     "2\n00:00:05,000 --> 00:00:04,000\nends before it begins\n\n"
                                     "3\n00:00:06,000 --> 99:00:00,000\nfor ever\n\n");
  EngineCase source(path);
  ASSERT_TRUE(source.ok()) << source.error().message;
  const auto pack = extract_subtitles(source.source(), source.plan(), {});
  ASSERT_TRUE(pack) << pack.error().message;
  const std::string first = segment_of(*pack, 0, 0);
  EXPECT_EQ(first.find('<'), std::string::npos) << first;
  EXPECT_NE(first.find("alert(1)"), std::string::npos) << first;
  EXPECT_NE(segment_of(*pack, 0, 4).find("for ever"), std::string::npos);
}

TEST(Subtitles, WithTooManyCuesAreLeftOut) {
  const test::TempDir folder;
  std::string text;
  for (unsigned i = 0; i <= limits::kSubtitleCuesMax; ++i) {
    text += concat(i + 1, "\n00:00:01,000 --> 00:00:08,000\n", i, "\n\n");
  }
  EngineCase source(film_with(folder, text));
  ASSERT_TRUE(source.ok()) << source.error().message;
  const auto pack = extract_subtitles(source.source(), source.plan(), {});
  ASSERT_TRUE(pack) << pack.error().message;
  EXPECT_EQ(track_of(*pack, 0).fault, hls::TrackFault::kTooLarge);
}

TEST(Subtitles, ACueThatIsTooLongIsLeftOutAlone) {
  const test::TempDir folder;
  EngineCase source(film_with(folder, concat("1\n00:00:01,000 --> 00:00:02,000\n",
                                             std::string(limits::kSubtitleCueBytesMax + 1, 'x'),
                                             "\n\n2\n00:00:01,500 --> 00:00:02,000\nshort\n\n")));
  ASSERT_TRUE(source.ok()) << source.error().message;
  const auto pack = extract_subtitles(source.source(), source.plan(), {});
  ASSERT_TRUE(pack);
  EXPECT_EQ(track_of(*pack, 0).cues, 1u);
  EXPECT_NE(segment_of(*pack, 0, 0).find("short"), std::string::npos);
}

TEST(Subtitles, OfADamagedFileWhatCanBeReadIs) {
  const test::TempDir folder;
  std::string bytes = test::read_file(test::clip({.kind = "subtitles", .seconds = 9}));
  const auto at = bytes.find("Across the border");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = '\xff';  // No UTF-8 any more.
  test::write_file(folder.path() / "a.mkv", bytes);
  EngineCase source(folder.file("a.mkv"));
  ASSERT_TRUE(source.ok());
  const auto pack = extract_subtitles(source.source(), source.plan(), {});
  ASSERT_TRUE(pack);
  EXPECT_EQ(track_of(*pack, 0).cues, 1u);
  EXPECT_EQ(segment_of(*pack, 0, 2), kHeader);
}

}  // namespace
}  // namespace sf::transcode
