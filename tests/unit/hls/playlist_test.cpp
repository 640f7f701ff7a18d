#include <streamforge/hls/playlist.hpp>

#include <gtest/gtest.h>

namespace sf::hls {
namespace {

TEST(MediaPlaylist, Vod) {
  MediaPlaylist playlist;
  playlist.segments = {
      {"0.ts", 360'360, false, {}}, {"1.ts", 360'360, false, {}}, {"2.ts", 180'181, false, {}}};
  EXPECT_EQ(write_media_playlist(playlist),
            "#EXTM3U\n"
            "#EXT-X-VERSION:3\n"
            "#EXT-X-TARGETDURATION:6\n"
            "#EXT-X-MEDIA-SEQUENCE:0\n"
            "#EXT-X-PLAYLIST-TYPE:VOD\n"
            "#EXTINF:4.004000,\n"
            "0.ts\n"
            "#EXTINF:4.004000,\n"
            "1.ts\n"
            "#EXTINF:2.002011,\n"
            "2.ts\n"
            "#EXT-X-ENDLIST\n");
}

TEST(MediaPlaylist, EventGrowsAndEnds) {
  MediaPlaylist playlist{.kind = PlaylistKind::kEvent, .ended = false};
  playlist.segments = {{"0.ts", 360'000, false, {}}};
  const std::string growing = write_media_playlist(playlist);
  EXPECT_EQ(growing,
            "#EXTM3U\n"
            "#EXT-X-VERSION:3\n"
            "#EXT-X-TARGETDURATION:6\n"
            "#EXT-X-MEDIA-SEQUENCE:0\n"
            "#EXT-X-PLAYLIST-TYPE:EVENT\n"
            "#EXT-X-START:TIME-OFFSET=0\n"
            "#EXTINF:4.000000,\n"
            "0.ts\n");
  playlist.segments.push_back({"1.ts", 1, true, {}});
  playlist.ended = true;
  EXPECT_EQ(write_media_playlist(playlist), growing +
                                                "#EXT-X-DISCONTINUITY\n"
                                                "#EXTINF:0.000011,\n"
                                                "1.ts\n"
                                                "#EXT-X-ENDLIST\n");
}

TEST(MediaPlaylist, SumsOfDurationsDoNotDrift) {
  MediaPlaylist playlist;
  for (int i = 0; i < 10'000; ++i) {
    playlist.segments.push_back({"x", 359'999, false, {}});
  }
  const std::string text = write_media_playlist(playlist);
  std::int64_t sum = 0;
  for (std::size_t at = text.find("#EXTINF:"); at != std::string::npos;
       at = text.find("#EXTINF:", at + 1)) {
    sum += std::stoll(text.substr(at + 8, 1)) * 1'000'000 + std::stoll(text.substr(at + 10, 6));
  }
  EXPECT_EQ(sum, (std::int64_t{10'000} * 359'999 * 1'000'000 + 45'000) / 90'000);
}

TEST(MediaPlaylist, IFramesByRange) {
  MediaPlaylist playlist{.i_frames_only = true};
  playlist.init = InitSection{"0.ts", ByteRange{376, 0}};
  playlist.segments = {{"0.ts", 180'000, false, ByteRange{9400, 376}},
                       {"0.ts", 180'000, false, ByteRange{8460, 94'000}}};
  EXPECT_EQ(write_media_playlist(playlist),
            "#EXTM3U\n"
            "#EXT-X-VERSION:5\n"
            "#EXT-X-TARGETDURATION:6\n"
            "#EXT-X-MEDIA-SEQUENCE:0\n"
            "#EXT-X-PLAYLIST-TYPE:VOD\n"
            "#EXT-X-I-FRAMES-ONLY\n"
            "#EXT-X-MAP:URI=\"0.ts\",BYTERANGE=\"376@0\"\n"
            "#EXTINF:2.000000,\n"
            "#EXT-X-BYTERANGE:9400@376\n"
            "0.ts\n"
            "#EXTINF:2.000000,\n"
            "#EXT-X-BYTERANGE:8460@94000\n"
            "0.ts\n"
            "#EXT-X-ENDLIST\n");
}

TEST(MasterPlaylist, VideoWithAudioGroup) {
  MasterPlaylist playlist;
  playlist.media = {{.group = "audio",
                     .name = "English",
                     .language = "en",
                     .uri = "audio/0/index.m3u8",
                     .is_default = true,
                     .channels = 2},
                    {.group = "audio",
                     .name = "A \"quoted\"\nname",
                     .language = "de",
                     .uri = "audio/1/index.m3u8"}};
  playlist.variants = {{.uri = "720p/index.m3u8",
                        .bandwidth = 3'000'000,
                        .average_bandwidth = 2'000'000,
                        .codecs = "avc1.64001f,mp4a.40.2",
                        .width = 1280,
                        .height = 720,
                        .frame_rate = 30000.0 / 1001,
                        .audio_group = "audio"}};
  playlist.i_frames = {{.uri = "720p/iframes.m3u8",
                        .bandwidth = 400'000,
                        .codecs = "avc1.64001f",
                        .width = 1280,
                        .height = 720}};
  EXPECT_EQ(write_master_playlist(playlist),
            "#EXTM3U\n"
            "#EXT-X-VERSION:4\n"
            "#EXT-X-INDEPENDENT-SEGMENTS\n"
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"English\",LANGUAGE=\"en\","
            "DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"audio/0/index.m3u8\"\n"
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"A quotedname\",LANGUAGE=\"de\","
            "DEFAULT=NO,AUTOSELECT=YES,URI=\"audio/1/index.m3u8\"\n"
            "#EXT-X-STREAM-INF:BANDWIDTH=3000000,AVERAGE-BANDWIDTH=2000000,"
            "CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=29.970,"
            "AUDIO=\"audio\",CLOSED-CAPTIONS=NONE\n"
            "720p/index.m3u8\n"
            "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=400000,CODECS=\"avc1.64001f\","
            "RESOLUTION=1280x720,URI=\"720p/iframes.m3u8\"\n");
}

TEST(MasterPlaylist, AudioOnly) {
  MasterPlaylist playlist;
  playlist.variants = {{.uri = "audio/0/index.m3u8",
                        .bandwidth = 140'000,
                        .average_bandwidth = 135'000,
                        .codecs = "mp4a.40.2"}};
  EXPECT_EQ(write_master_playlist(playlist),
            "#EXTM3U\n"
            "#EXT-X-VERSION:4\n"
            "#EXT-X-INDEPENDENT-SEGMENTS\n"
            "#EXT-X-STREAM-INF:BANDWIDTH=140000,AVERAGE-BANDWIDTH=135000,CODECS=\"mp4a.40.2\","
            "CLOSED-CAPTIONS=NONE\n"
            "audio/0/index.m3u8\n");
}

TEST(Names, CodecAndSegments) {
  EXPECT_EQ(avc1_codec(0x64, 0x00, 0x28), "avc1.640028");
  EXPECT_EQ(avc1_codec(0x42, 0xc0, 0x1e), "avc1.42c01e");
  EXPECT_EQ(segment_name(0), "0.ts");
  EXPECT_EQ(segment_number("0.ts"), 0U);
  EXPECT_EQ(segment_number("123.ts"), 123U);
  for (const char* wrong : {"", ".ts", "00.ts", "01.ts", "-1.ts", "1.ts ", "1.m4s", "a.ts", "+1.ts",
                            "4294967296.ts", "1.TS", "1"}) {
    EXPECT_FALSE(segment_number(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace sf::hls
