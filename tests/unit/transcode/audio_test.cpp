#include "audio.hpp"

#include "engine_case.hpp"
#include "index_audio.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>

namespace sf::transcode {
namespace {

using test::ClipOptions;

// Signal to noise of a sine fitted to `samples` by projection, in dB.
double sine_purity(const std::vector<float>& samples, double hertz, std::size_t from,
                   std::size_t count) {
  double sine = 0;
  double cosine = 0;
  double all = 0;
  for (std::size_t i = from; i < from + count; ++i) {
    const double angle = 2 * std::numbers::pi * hertz * static_cast<double>(i) / 48'000;
    sine += samples[i] * std::sin(angle);
    cosine += samples[i] * std::cos(angle);
    all += double{samples[i]} * samples[i];
  }
  const double tone = 2 * (sine * sine + cosine * cosine) / static_cast<double>(count);
  return 10 * std::log10(tone / std::max(1e-12, all - tone));
}

class EverySound : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Audio, EverySound,
                         testing::Values("mp4", "mkv", "webm", "avi", "ts", "m2ts", "flv", "ogv",
                                         "mpg", "mp3", "flac", "wav", "mono-8k", "audio-only"),
                         [](const auto& param) {
                           std::string name = param.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

// A sine through nine seconds of segments made apart, in any order, is one sine: a slip of a sample
// or a gap at a seam shows in a projection over a stretch around it.
TEST_P(EverySound, SeamsAreNotHeard) {
  EngineCase source(ClipOptions{.kind = GetParam(), .seconds = 9});
  ASSERT_TRUE(source.ok()) << source.error().message;
  ASSERT_EQ(source.audio_segments(), 5U);
  for (const std::uint32_t segment : {2U, 0U, 4U, 1U, 3U}) {
    source.make_audio(0, segment, source.engine());
  }
  const std::string joined = source.joined_audio(0);
  EXPECT_EQ(test::decode_errors(joined), "");
  EXPECT_EQ(ts_faults(test::read_file(joined)), "");
  const std::vector<float> sound = test::decode_sound(joined);
  ASSERT_GT(sound.size(), 9U * 48'000);
  // Lossy sources are noisy by themselves: compare around seams with elsewhere.
  const double elsewhere = sine_purity(sound, 440, 5 * 48'000 - 12'000, 24'000);
  EXPECT_GT(elsewhere, 20);
  for (const std::size_t seam : {2U, 4U, 6U, 8U}) {
    const double around = sine_purity(sound, 440, seam * 48'000 - 12'000, 24'000);
    EXPECT_GT(around, std::min(elsewhere - 6, 35.0)) << seam;
  }
}

TEST(Audio, SegmentsAreTheFramesOfTheirSpan) {
  EngineCase source(ClipOptions{.kind = "mp4", .seconds = 9});
  source.make_all();
  std::int64_t next = 900'000;
  for (std::uint32_t i = 0; i < source.audio_segments(); ++i) {
    const auto packets = test::probe_packets(source.audio_file(0, i), 'a');
    const hls::SegmentSpan span = source.plan().timeline.audio[i];
    EXPECT_EQ(packets.front().pts, span.begin_ticks + 900'000);
    EXPECT_EQ(packets.front().pts, next);
    EXPECT_EQ(packets.size(), source.audio[0][i].frames);
    EXPECT_EQ(static_cast<std::int64_t>(packets.size()) * 1920, span.duration_ticks());
    next = span.end_ticks + 900'000;
  }
  EXPECT_EQ(test::probe(source.audio_file(0, 0), 'a', "profile"), "LC");
  EXPECT_EQ(test::probe(source.audio_file(0, 0), 'a', "channels"), "2");
  EXPECT_EQ(source.audio[0][0].codecs, "mp4a.40.2");
}

TEST(Audio, BeepsMeetFlashes) {
  EngineCase source(ClipOptions{.kind = "flash-beep", .seconds = 9});
  ASSERT_TRUE(source.ok());
  source.make_all();
  const std::string picture = source.joined_video(source.plan().rungs[0].name);
  const auto packets = test::probe_packets(picture, 'v');
  const auto luma = test::mean_luma(picture);
  const std::string sound_file = source.joined_audio(0);
  const auto sound = test::decode_sound(sound_file);
  ASSERT_EQ(luma.size(), packets.size());
  std::vector<std::int64_t> times;
  for (const auto& packet : packets) times.push_back(packet.pts);
  std::ranges::sort(times);
  const double sound_begin =
      static_cast<double>(test::probe_packets(sound_file, 'a').front().pts) / 90'000;
  for (const std::size_t second : {1U, 4U, 8U}) {  // The second is at a seam, the third after one.
    const auto flash = static_cast<std::size_t>(
        std::ranges::find_if(luma.begin() + static_cast<std::ptrdiff_t>(second) * 30 - 10,
                             luma.end(), [](double mean) { return mean > 120; }) -
        luma.begin());
    ASSERT_LT(flash, luma.size());
    const double flash_at = static_cast<double>(times[flash]) / 90'000;
    const std::size_t from = second * 48'000 - 9'600;
    const auto beep = static_cast<std::size_t>(
        std::find_if(sound.begin() + static_cast<std::ptrdiff_t>(from), sound.end(),
                     [](float sample) { return std::abs(sample) > 0.3F; }) -
        sound.begin());
    const double beep_at = sound_begin + static_cast<double>(beep) / 48'000;
    EXPECT_NEAR(beep_at, flash_at, 0.020) << second;
  }
}

double loudness(const std::vector<float>& sound, double from, double to) {
  double sum = 0;
  const auto begin = static_cast<std::size_t>(from * 48'000);
  const auto end = std::min(sound.size(), static_cast<std::size_t>(to * 48'000));
  for (std::size_t i = begin; i < end; ++i) sum += double{sound[i]} * sound[i];
  return std::sqrt(sum / static_cast<double>(end - begin));
}

TEST(Audio, LateSoundIsPrecededBySilence) {
  EngineCase source(ClipOptions{.kind = "late-audio", .seconds = 9});
  source.make_all();
  const auto sound = test::decode_sound(source.joined_audio(0));
  EXPECT_LT(loudness(sound, 0, 2.9), 0.001);
  EXPECT_GT(loudness(sound, 3.1, 8.9), 0.05);
}

TEST(Audio, SoundMayOutlastThePicture) {
  EngineCase source(ClipOptions{.kind = "long-audio", .seconds = 6});
  source.make_all();
  EXPECT_NEAR(static_cast<double>(source.plan().timeline.audio.back().end_ticks), 9 * 90'000, 2000);
  const auto sound = test::decode_sound(source.joined_audio(0));
  EXPECT_GT(loudness(sound, 7, 8.9), 0.05);
}

TEST(Audio, TracksAndLanguages) {
  EngineCase source(ClipOptions{.kind = "two-audio"});
  ASSERT_TRUE(source.ok());
  ASSERT_EQ(source.plan().audio.size(), 2U);
  EXPECT_EQ(source.plan().audio[0].language, "en");
  EXPECT_EQ(source.plan().audio[1].language, "de");
  source.make_all();
  EXPECT_GT(sine_purity(test::decode_sound(source.joined_audio(0)), 440, 96'000, 48'000), 25);
  EXPECT_GT(sine_purity(test::decode_sound(source.joined_audio(1)), 880, 96'000, 48'000), 25);
}

TEST(Audio, SurroundIsMixedDown) {
  EngineCase source(ClipOptions{.kind = "surround"});
  ASSERT_TRUE(source.ok());
  EXPECT_EQ(source.plan().index.audio[0].channels, 6U);
  source.make_all();
  const auto sound = test::decode_sound(source.joined_audio(0));
  EXPECT_GT(loudness(sound, 1, 5), 0.02);
  EXPECT_EQ(test::probe(source.audio_file(0, 0), 'a', "channels"), "2");
}

TEST(AudioRuns, RoundedStampsBecomeExactPlaces) {
  AudioRuns runs(48'000);
  for (std::int64_t i = 0; i < 1000; ++i) {
    runs.add((i * 1024 * 1000 / 48'000) * 48, 1024);  // Milliseconds, rounded down.
  }
  runs.add(2'000'000, 1024);  // A hole.
  runs.add(2'001'024, 512);
  const auto taken = std::move(runs).take(0);
  ASSERT_EQ(taken.size(), 3U);
  EXPECT_EQ(taken[0].packets, 1000U);
  EXPECT_EQ(exact_sample(taken, 500 * 1024 - 40), 500 * 1024);
  EXPECT_EQ(exact_sample(taken, 500 * 1024 + 47), 500 * 1024);
  EXPECT_EQ(exact_sample(taken, 2'001'030), 2'001'024);
  EXPECT_EQ(exact_sample(taken, -90), 0);
  EXPECT_FALSE(exact_sample({}, 5));
}

// What damaged sound decodes to: the encoder takes it, and makes as many frames as of any other.
TEST(Aac, EndsOnSamplesBeyondFullScale) {
  constexpr std::size_t kFrames = 24;
  constexpr std::size_t kMargin = 2;
  constexpr auto kSamples = kFrames * static_cast<std::size_t>(hls::kAacFrameSamples);
  AudioPlan track;
  track.sample_rate = 48'000;
  track.channels = 2;
  track.kbps = 128;
  std::mt19937 random(1);
  for (const float loudest : {1e3F, 1e9F, 1e14F, std::numeric_limits<float>::infinity(),
                              std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> pcm(kSamples * 2);
    for (float& sample : pcm) {
      sample = random() % 8 == 0 ? loudest * (random() % 2 == 0 ? 1.0F : -0.3F) : 0.1F;
    }
    const auto made = encode_aac(pcm, kMargin, track);
    ASSERT_TRUE(made) << loudest << ": " << made.error().message;
    EXPECT_EQ(made->size(), kFrames - 2 * kMargin) << loudest;
  }
}

}  // namespace
}  // namespace sf::transcode
