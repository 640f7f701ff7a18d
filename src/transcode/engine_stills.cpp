#include "engine_stills.hpp"

#include "engine_output.hpp"
#include "scale.hpp"
#include "stills.hpp"

#include <algorithm>
#include <array>

namespace sf::transcode {
namespace {

constexpr int kPosterQuantizer = 3;
constexpr int kSheetQuantizer = 4;
constexpr double kInteresting = 40;  // Of a luminance from 0 to 255: no need to look further.

Result<SegmentOutput> write_jpeg(const AVFrame& picture, int quantizer, int output) {
  auto bytes = encode_jpeg(picture, quantizer);
  if (!bytes) return fail(std::move(bytes.error()));
  if (auto wrote = write_output(output, *bytes); !wrote) return fail(std::move(wrote.error()));
  SegmentOutput made;
  made.bytes = bytes->size();
  return made;
}

}  // namespace

Result<FramePtr> VideoPipeline::still(std::uint32_t segment, Size size) {
  next_segment_.reset();
  if (auto there = go_to(segment, size); !there) return fail(std::move(there.error()));
  auto picture = next();
  if (!picture) return fail(std::move(picture.error()));
  if (!*picture) return FramePtr();
  return Scaler(size, plan_.index.video->rotation).scale(*(*picture)->frame);
}

Result<SegmentOutput> draw_poster(VideoPipeline& pipeline, const Plan& plan, int output,
                                  const Progress& progress) {
  constexpr std::array kPlaces{0.1, 0.25, 0.4, 0.55, 0.7, 0.0};
  const auto segment_at = [&spans = plan.timeline.video](double place) {
    const auto at = static_cast<std::int64_t>(place * static_cast<double>(spans.back().end_ticks));
    const auto after = std::ranges::upper_bound(spans, at, {}, &hls::SegmentSpan::begin_ticks);
    return static_cast<std::uint32_t>(after - spans.begin() - 1);
  };
  FramePtr best;
  double most = -1;
  for (const double place : kPlaces) {
    if (progress && !progress(place)) return fail(ErrorCode::kCancelled, "the task was cancelled");
    auto picture = pipeline.still(segment_at(place), poster_of(plan));
    if (!picture || *picture == nullptr) continue;
    const double seen = interest(**picture);
    if (seen <= most) continue;
    most = seen;
    best = std::move(*picture);
    if (most >= kInteresting) break;
  }
  if (best == nullptr) return fail(ErrorCode::kCorrupt, "no picture can be decoded");
  return write_jpeg(*best, kPosterQuantizer, output);
}

Result<SegmentOutput> draw_sheet(VideoPipeline& pipeline, const Plan& plan, std::uint32_t sheet,
                                 int cells, int output, const Progress& progress) {
  const Size size = tile_of(plan);
  const std::uint32_t tiles =
      hls::tiles_on(sheet, static_cast<std::uint32_t>(plan.timeline.video.size()));
  if (tiles == 0) return fail(ErrorCode::kInvalidArgument, "the plan has no such sheet");
  const std::uint32_t across = std::min(tiles, hls::kTilesAcross);
  const std::uint32_t down = (tiles + hls::kTilesAcross - 1) / hls::kTilesAcross;
  const FramePtr all = black_picture({across * size.width, down * size.height});
  FramePtr last;
  for (std::uint32_t place = 0; place < tiles; ++place) {
    if (progress && !progress(static_cast<double>(place) / tiles)) {
      return fail(ErrorCode::kCancelled, "the task was cancelled");
    }
    const std::uint32_t segment = sheet * hls::kTilesOnSheet + place;
    FramePtr tile = kept_tile(cells, segment, size);
    if (tile == nullptr) {
      auto decoded = pipeline.still(segment, size);
      if (decoded) tile = std::move(*decoded);
    }
    // What cannot be decoded looks as what was seen last.
    if (tile != nullptr) last = std::move(tile);
    if (last != nullptr) place_tile(*last, place, *all);
  }
  return write_jpeg(*all, kSheetQuantizer, output);
}

}  // namespace sf::transcode
