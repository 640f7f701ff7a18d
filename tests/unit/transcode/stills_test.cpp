/// Posters and sheets of whole sources, looked at by ffprobe and ffmpeg.

#include "stills.hpp"

#include "engine_case.hpp"
#include "support/process.hpp"

namespace sf::transcode {
namespace {

struct Drawn {
  std::string width;
  std::string height;
  std::vector<double> luma;
  std::string errors;
};

Drawn look_at(const std::string& path) {
  return {test::probe(path, 'v', "width"), test::probe(path, 'v', "height"), test::mean_luma(path),
          test::decode_errors(path)};
}

class Stills : public ::testing::Test {
 protected:
  [[nodiscard]] UniqueFd create(const std::string& name) const {
    return UniqueFd(
        ::open(folder_.file(name).c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  }
  Drawn poster(EngineCase& source) {
    {
      const UniqueFd file = create("poster.jpg");
      auto made = source.engine().draw_poster("k", source.source(), source.plan(), file.get(), {});
      EXPECT_TRUE(made) << made.error().message;
    }
    return look_at(folder_.file("poster.jpg"));
  }
  std::string sheet(EngineCase& source, int cells, std::uint32_t number = 0) {
    {
      const UniqueFd file = create("sheet.jpg");
      auto made = source.engine().draw_sheet("k", source.source(), source.plan(), number, cells,
                                             file.get(), {});
      EXPECT_TRUE(made) << made.error().message;
    }
    return folder_.file("sheet.jpg");
  }
  test::TempDir folder_;
};

TEST_F(Stills, APosterIsUprightAndNoLargerThanItNeedBe) {
  struct Shape {
    const char* kind;
    const char* size;
    const char* width;
    const char* height;
  };
  for (const Shape& shape :
       {Shape{"mp4", "320x180", "320", "180"}, Shape{"mp4", "1920x1080", "1280", "720"},
        Shape{"rotated", "320x180", "180", "320"}, Shape{"hdr10", "320x180", "320", "180"},
        Shape{"interlaced", "320x180", "320", "180"}}) {
    EngineCase source(test::ClipOptions{.kind = shape.kind, .seconds = 2, .size = shape.size});
    ASSERT_TRUE(source.ok()) << shape.kind << source.error().message;
    const Drawn drawn = poster(source);
    EXPECT_EQ(drawn.width, shape.width) << shape.kind;
    EXPECT_EQ(drawn.height, shape.height) << shape.kind;
    EXPECT_EQ(drawn.errors, "") << shape.kind;
    ASSERT_EQ(drawn.luma.size(), 1u);
    EXPECT_GT(drawn.luma[0], 50) << shape.kind;
  }
}

TEST_F(Stills, APosterIsNotBlackWhereThereIsSomethingToSee) {
  const std::string film = folder_.file("film.mp4");
  const auto made = test::run_program(
      {"ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i",
       "color=black:s=320x180:r=30:d=10[a];testsrc2=s=320x180:r=30:d=10[b];[a][b]concat", "-c:v",
       "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "60", film});
  ASSERT_EQ(made.exit, 0) << made.err;
  EngineCase source(film);
  ASSERT_TRUE(source.ok()) << source.error().message;
  const Drawn drawn = poster(source);
  EXPECT_EQ(drawn.errors, "");
  EXPECT_GT(drawn.luma.at(0), 50);
}

TEST_F(Stills, OfABlackFilmThePosterIsBlack) {
  const std::string film = folder_.file("film.mp4");
  const auto made = test::run_program({"ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i",
                                       "color=black:s=320x180:r=30:d=3", "-c:v", "libx264",
                                       "-pix_fmt", "yuv420p", film});
  ASSERT_EQ(made.exit, 0) << made.err;
  EngineCase source(film);
  ASSERT_TRUE(source.ok()) << source.error().message;
  const Drawn drawn = poster(source);
  EXPECT_EQ(drawn.width, "320");
  EXPECT_LT(drawn.luma.at(0), 30);
  const std::string jpeg = test::read_file(folder_.file("poster.jpg"));
  EXPECT_TRUE(jpeg.starts_with("\xff\xd8\xff"));
  EXPECT_TRUE(jpeg.ends_with("\xff\xd9"));
}

TEST_F(Stills, ColoursAreThoseOfTheSource) {
  EngineCase source(test::ClipOptions{.kind = "mp4", .seconds = 2, .size = "320x180"});
  ASSERT_TRUE(source.ok());
  (void)poster(source);
  // The poster beside the source's own first picture, both as RGB.
  const double alike =
      test::ssim(folder_.file("poster.jpg"), source.path(), "select=eq(n\\,0),format=gbrp");
  EXPECT_GT(alike, 0.9);
}

TEST_F(Stills, TilesOfWhatWasDecodedAndOfWhatWasNotLookAlike) {
  EngineCase source(test::ClipOptions{.kind = "mp4", .seconds = 50, .size = "320x180", .gop = 30},
                    "360");
  ASSERT_TRUE(source.ok());
  ASSERT_EQ(source.video_segments(), 15u);
  const UniqueFd none = create("none");
  const std::string decoded = folder_.file("decoded.jpg");
  std::filesystem::rename(sheet(source, none.get()), decoded);
  const Drawn drawn = look_at(decoded);
  EXPECT_EQ(drawn.width, "1600");
  EXPECT_EQ(drawn.height, "180") << "two rows of 160x90";
  EXPECT_EQ(drawn.errors, "");

  const UniqueFd cells = create("cells");
  const UniqueFd output = create("segment");
  for (const std::uint32_t segment : {14, 3, 0, 7}) {
    const std::string rung = "360p";
    const int file = output.get();
    auto made = source.engine().encode_video("k", source.source(), source.plan(), segment,
                                             {&rung, 1}, {&file, 1}, {}, {.tiles = cells.get()});
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_NE(kept_tile(cells.get(), segment, {160, 90}), nullptr) << segment;
  }
  EXPECT_EQ(kept_tile(cells.get(), 1, {160, 90}), nullptr) << "a hole";
  EXPECT_EQ(kept_tile(cells.get(), 15, {160, 90}), nullptr) << "behind the end";
  EXPECT_EQ(kept_tile(cells.get(), 14, {90, 160}), nullptr) << "of another shape";
  const std::string kept = sheet(source, cells.get());
  EXPECT_GT(test::ssim(kept, decoded), 0.97);

  // A cell that was not written whole counts for nothing.
  const char byte = 1;
  ASSERT_EQ(::pwrite(cells.get(), &byte, 1, 5'000), 1);
  EXPECT_EQ(kept_tile(cells.get(), 0, {160, 90}), nullptr);
  EXPECT_GT(test::ssim(sheet(source, cells.get()), decoded), 0.97);
}

TEST_F(Stills, ASingleCopiedRungIsDecodedAtItsKeyframes) {
  EngineCase source(test::ClipOptions{.kind = "mp4", .seconds = 9, .size = "320x180", .gop = 60},
                    "360", EngineCase::Copy::kYes);
  ASSERT_TRUE(source.ok());
  ASSERT_TRUE(source.plan().rungs[0].copied()) << source.plan().rungs[0].why;
  const UniqueFd none = create("none");
  const Drawn drawn = look_at(sheet(source, none.get()));
  EXPECT_EQ(drawn.errors, "");
  EXPECT_GT(drawn.luma.at(0), 50);
}

TEST_F(Stills, WithoutPictureThereIsNone) {
  EngineCase source(test::ClipOptions{.kind = "audio-only", .seconds = 2});
  ASSERT_TRUE(source.ok());
  const UniqueFd file = create("poster.jpg");
  EXPECT_FALSE(source.engine().draw_poster("k", source.source(), source.plan(), file.get(), {}));
  EXPECT_FALSE(source.engine().draw_sheet("k", source.source(), source.plan(), 0, file.get(),
                                          file.get(), {}));
}

TEST_F(Stills, WhatIsBlackIsOfLeastInterest) {
  const auto grey = [](std::uint8_t left, std::uint8_t right) {
    FramePtr frame = new_frame();
    frame->format = AV_PIX_FMT_YUV420P;
    frame->width = frame->height = 64;
    EXPECT_EQ(av_frame_get_buffer(frame.get(), 0), 0);
    for (int y = 0; y < 64; ++y) {
      for (int x = 0; x < 64; ++x) {
        frame->data[0][y * frame->linesize[0] + x] = x < 32 ? left : right;
      }
    }
    return interest(*frame);
  };
  EXPECT_EQ(grey(16, 16), 0);
  EXPECT_LT(grey(16, 30), grey(60, 74)) << "as much spread, but nearly black";
  EXPECT_LT(grey(240, 250), grey(120, 130)) << "nearly white";
  EXPECT_GT(grey(60, 180), 40);
}

}  // namespace
}  // namespace sf::transcode
