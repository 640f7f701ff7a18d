#include <streamforge/hls/storyboard.hpp>

#include <gtest/gtest.h>

namespace sf::hls {
namespace {

TEST(Storyboard, TilesFitASquare) {
  EXPECT_EQ(tile_size(1920, 1080), (TileSize{160, 90}));
  EXPECT_EQ(tile_size(360, 640), (TileSize{90, 160}));
  EXPECT_EQ(tile_size(640, 480), (TileSize{160, 120}));
  EXPECT_EQ(tile_size(854, 480), (TileSize{160, 90}));
  EXPECT_EQ(tile_size(100, 50), (TileSize{100, 50})) << "never up";
  EXPECT_EQ(tile_size(8192, 16), (TileSize{160, 2}));
  EXPECT_EQ(tile_size(0, 0), (TileSize{2, 2}));
}

TEST(Storyboard, ATileASegmentAHundredOnASheet) {
  EXPECT_EQ(sheet_count(0), 0u);
  EXPECT_EQ(sheet_count(1), 1u);
  EXPECT_EQ(sheet_count(100), 1u);
  EXPECT_EQ(sheet_count(101), 2u);
  EXPECT_EQ(tiles_on(0, 250), 100u);
  EXPECT_EQ(tiles_on(2, 250), 50u);
  EXPECT_EQ(tiles_on(3, 250), 0u);
  EXPECT_EQ(tiles_on(UINT32_MAX, UINT32_MAX), 0u);
  EXPECT_EQ(sheet_name(7), "storyboard/7.jpg");
  EXPECT_EQ(sheet_number("7.jpg"), 7u);
  for (const char* name : {"07.jpg", "7.ts", ".jpg", "7.jpg.jpg", "-1.jpg", "4294967296.jpg"}) {
    EXPECT_EQ(sheet_number(name), std::nullopt) << name;
  }
}

TEST(Storyboard, SaysWhichTileIsWhere) {
  Presentation shown;
  shown.video = {{"720p", 1280, 720, "", {}, false, 0}, {"360p", 640, 360, "", {}, false, 0}};
  for (std::int64_t i = 0; i < 102; ++i) {
    shown.timeline.video.push_back({i * 360'000, (i + 1) * 360'000});
  }
  const std::string text = storyboard(shown);
  EXPECT_EQ(text.substr(0, text.find("00:00:08.000 -->")),
            "WEBVTT\n\n00:00:00.000 --> 00:00:04.000\nstoryboard/0.jpg#xywh=0,0,160,90\n"
            "\n00:00:04.000 --> 00:00:08.000\nstoryboard/0.jpg#xywh=160,0,160,90\n\n");
  EXPECT_NE(text.find("\n00:00:40.000 --> 00:00:44.000\nstoryboard/0.jpg#xywh=0,90,160,90\n"),
            std::string::npos);
  EXPECT_TRUE(
      text.ends_with("\n00:06:44.000 --> 00:06:48.000\nstoryboard/1.jpg#xywh=160,0,160,90\n"));
  EXPECT_NE(storyboard(shown, "?token=x").find("storyboard/0.jpg?token=x#xywh=0,0,160,90\n"),
            std::string::npos);
  shown.video.clear();
  EXPECT_EQ(storyboard(shown), "WEBVTT\n");
}

}  // namespace
}  // namespace sf::hls
