/// MP4 files joined of segments, looked at by ffprobe and ffmpeg.

#include "mp4.hpp"

#include "engine_case.hpp"
#include "languages.hpp"

#include <gmock/gmock.h>

namespace sf::transcode {
namespace {

using ::testing::HasSubstr;

std::span<const std::uint8_t> as_span(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

struct Joined {
  std::unique_ptr<test::TempDir> folder = std::make_unique<test::TempDir>();
  std::string path = folder->file("a.mp4");
  Result<std::uint64_t> bytes = 0;
};

std::uint64_t frames_of(const std::vector<SegmentOutput>& segments) {
  std::uint64_t frames = 0;
  for (const SegmentOutput& segment : segments) frames += segment.frames;
  return frames;
}

// As the worker does, told what the scheduler can know.
Joined join(EngineCase& source, const RungPlan& rung) {
  Joined joined;
  const UniqueFd file(::open(joined.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  const Plan& plan = source.plan();
  Mp4Shape shape{.width = rung.width,
                 .height = rung.height,
                 .end_ticks = plan.timeline.duration_ticks(),
                 .head_bytes_max = 0,
                 .sound = !plan.audio.empty(),
                 .language = plan.audio.empty() ? "" : plan.audio[0].language};
  std::uint64_t media = 0;
  for (const SegmentOutput& segment : source.video[rung.name]) media += segment.bytes;
  const std::uint64_t sounds = plan.audio.empty() ? 0 : frames_of(source.audio[0]);
  shape.head_bytes_max =
      mp4_head_bytes(frames_of(source.video[rung.name]), sounds, shape.end_ticks, media);
  Mp4Writer writer(file.get(), shape);
  const auto all = std::max(source.video_segments(), source.audio_segments());
  for (std::uint32_t i = 0; i < all; ++i) {
    if (i < source.video_segments()) {
      const std::string bytes = test::read_file(source.video_file(rung.name, i));
      auto added = writer.add_picture(as_span(bytes));
      EXPECT_TRUE(added) << added.error().message;
    }
    if (!plan.audio.empty() && i < source.audio_segments()) {
      const std::string bytes = test::read_file(source.audio_file(0, i));
      auto added = writer.add_sound(as_span(bytes));
      EXPECT_TRUE(added) << added.error().message;
    }
  }
  joined.bytes = writer.finish();
  EXPECT_TRUE(joined.bytes) << joined.bytes.error().message;
  return joined;
}

// The top boxes of a file, in order.
std::vector<std::string> boxes(const std::string& bytes) {
  std::vector<std::string> found;
  for (std::size_t at = 0; at + 8 <= bytes.size();) {
    std::uint64_t size = 0;
    for (std::size_t i = 0; i < 4; ++i)
      size = size << 8 | static_cast<unsigned char>(bytes[at + i]);
    found.push_back(bytes.substr(at + 4, 4));
    if (size == 1) {
      size = 0;
      for (std::size_t i = 8; i < 16; ++i) {
        size = size << 8 | static_cast<unsigned char>(bytes[at + i]);
      }
    }
    if (size < 8) break;
    at += size;
  }
  return found;
}

struct Source {
  const char* name;
  test::ClipOptions clip;
  EngineCase::Copy copy;
};
void PrintTo(const Source& source, std::ostream* out) { *out << source.name; }

class Mp4 : public ::testing::TestWithParam<Source> {};
INSTANTIATE_TEST_SUITE_P(
    Of, Mp4,
    ::testing::Values(
        Source{"encoded", {.kind = "mp4", .seconds = 9}, EngineCase::Copy::kNo},
        Source{"copied", {.kind = "mp4", .seconds = 9, .gop = 60}, EngineCase::Copy::kYes},
        Source{"slow", {.kind = "mp4", .seconds = 6, .fps = "24000/1001"}, EngineCase::Copy::kNo},
        Source{"uneven", {.kind = "vfr", .seconds = 9}, EngineCase::Copy::kNo},
        Source{"silent", {.kind = "no-audio", .seconds = 5}, EngineCase::Copy::kNo}),
    [](const auto& source) { return std::string(source.param.name); });

TEST_P(Mp4, IsWhatTheSegmentsAre) {
  EngineCase source(GetParam().clip, "1080,720,480,360", GetParam().copy);
  ASSERT_TRUE(source.ok()) << source.error().message;
  source.make_all();
  for (const RungPlan& rung : source.plan().rungs) {
    const Joined joined = join(source, rung);
    ASSERT_TRUE(joined.bytes);
    const std::string bytes = test::read_file(joined.path);
    EXPECT_EQ(bytes.size(), *joined.bytes);
    const std::vector<std::string> order{"ftyp", "moov", "free", "free", "mdat"};
    EXPECT_EQ(boxes(bytes), order) << "the header first, then what was kept for it and not used";
    EXPECT_EQ(test::decode_errors(joined.path), "");
    const std::string rung_ts = source.joined_video(rung.name);
    EXPECT_EQ(test::frame_hashes(joined.path), test::frame_hashes(rung_ts)) << "the same pictures";

    const auto in_ts = test::probe_packets(rung_ts, 'v');
    const auto in_mp4 = test::probe_packets(joined.path, 'v');
    ASSERT_EQ(in_mp4.size(), frames_of(source.video[rung.name]));
    ASSERT_EQ(in_mp4.size(), in_ts.size());
    for (std::size_t i = 0; i < in_mp4.size(); ++i) {
      EXPECT_EQ(in_mp4[i].pts, in_ts[i].pts - 900'000) << i;
      EXPECT_EQ(in_mp4[i].key, in_ts[i].key) << i;
      const bool last = i + 1 == in_mp4.size();
      EXPECT_TRUE(last || in_mp4[i].dts == in_ts[i].dts - 900'000) << i;
    }
    const double seconds = static_cast<double>(source.plan().timeline.duration_ticks()) / 90'000;
    // To a tick: of frames that do not last whole ones the last may be rounded otherwise.
    constexpr double kTick = 1.0 / 90'000;
    EXPECT_NEAR(std::stod(test::probe(joined.path, 'v', "duration")), seconds, kTick + 1e-6);
    const auto audio_ticks =
        source.plan().audio.empty() ? 0 : source.plan().timeline.audio.back().end_ticks;
    EXPECT_NEAR(std::stod(test::probe(joined.path, 'v', "none:format=duration")),
                std::max(seconds, static_cast<double>(audio_ticks) / 90'000), 0.03);
    if (source.plan().audio.empty()) continue;
    const std::string sound_ts = source.joined_audio(0);
    EXPECT_EQ(test::aac_hashes(joined.path), test::aac_hashes(sound_ts)) << "the same sound";
    const auto sound = test::probe_packets(joined.path, 'a');
    const auto sound_in_ts = test::probe_packets(sound_ts, 'a');
    ASSERT_FALSE(sound.empty());
    // In step with the picture, to a sample; each frame as long as the next.
    EXPECT_NEAR(static_cast<double>(sound.front().pts),
                static_cast<double>(sound_in_ts.front().pts - 900'000), 3);
    EXPECT_NEAR(static_cast<double>(sound.back().pts),
                static_cast<double>(sound_in_ts.back().pts - 900'000), 3);
    EXPECT_EQ(iso639_2(source.plan().audio[0].language),
              test::probe(joined.path, 'a', "none:stream_tags=language"));
  }
}

TEST(Mp4Writer, TheSameSegmentsGiveTheSameBytes) {
  EngineCase source(test::ClipOptions{.kind = "mp4", .seconds = 5}, "360");
  ASSERT_TRUE(source.ok());
  source.make_all();
  const Joined once = join(source, source.plan().rungs[0]);
  const Joined again = join(source, source.plan().rungs[0]);
  EXPECT_EQ(test::read_file(once.path), test::read_file(again.path));
}

TEST(Mp4Writer, SaysWhatIsWrong) {
  EngineCase source(test::ClipOptions{.kind = "mp4", .seconds = 5}, "360");
  ASSERT_TRUE(source.ok());
  source.make_all();
  const std::string picture = test::read_file(source.video_file("360p", 0));
  const std::string sound = test::read_file(source.audio_file(0, 0));
  const Mp4Shape shape{.width = 320,
                       .height = 180,
                       .end_ticks = 450'000,
                       .head_bytes_max = 100'000,
                       .sound = true,
                       .language = "en"};
  const test::TempDir folder;
  const UniqueFd file(::open(folder.file("a").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  {
    Mp4Writer writer(file.get(), shape);
    EXPECT_FALSE(writer.add_picture(as_span(std::string("no segment"))));
    EXPECT_FALSE(writer.add_sound(as_span(picture))) << "a picture is no sound";
  }
  {
    Mp4Writer writer(file.get(), shape);
    ASSERT_TRUE(writer.add_picture(as_span(picture)));
    EXPECT_FALSE(writer.finish()) << "no sound came";
  }
  {
    // A disk that takes no more.
    const UniqueFd full(::open("/dev/full", O_RDWR | O_CLOEXEC));
    Mp4Writer writer(full.get(), shape);
    ASSERT_TRUE(writer.add_picture(as_span(picture)));
    ASSERT_TRUE(writer.add_sound(as_span(sound)));
    const auto finished = writer.finish();
    ASSERT_FALSE(finished);
    EXPECT_EQ(finished.error().code, ErrorCode::kNoSpace) << finished.error().message;
  }
}

TEST(Languages, BothWays) {
  EXPECT_EQ(iso639_2("de"), "deu");
  EXPECT_EQ(iso639_2("en"), "eng");
  EXPECT_EQ(iso639_2("haw"), "haw");
  EXPECT_EQ(iso639_2("de-CH"), "und");
  EXPECT_EQ(bcp47("ger"), "de");
}

}  // namespace
}  // namespace sf::transcode
