#include "engine_video.hpp"

#include "decode_ahead.hpp"
#include "decode_times.hpp"
#include "encode.hpp"
#include "engine_output.hpp"
#include "picture_types.hpp"
#include "quality.hpp"
#include "scale.hpp"
#include "stills.hpp"

#include <algorithm>
#include <utility>

namespace sf::transcode {
namespace {

// Deinterlacing looks at the frames around; from here on it sees the same, whichever way it came.
constexpr unsigned kFieldContextFrames = 3;
// Decoded pictures that wait for the encoders, at most: four, or fewer that are larger than 1080p.
constexpr std::ptrdiff_t kBatchFrames = 4;
constexpr std::int64_t kBatchPixels = kBatchFrames * 1920 * 1088;

// A step of the cascade: from a larger rung's picture, or the source's, to this one's.
struct Step {
  const RungPlan* rung;
  std::size_t from;  ///< Place of that rung's step; the first scales from the source.
  Scaler scaler;
  RungEncoder encoder;
};

// Each scaling softens; and one from a picture that is hardly larger softens most for what it
// saves.
constexpr std::uint32_t kScaleLeastPercent = 140;

// The smallest picture that is large enough to scale from.
std::size_t scaled_from(const std::vector<Step>& above, const RungPlan& rung) {
  for (std::size_t place = above.size(); place-- > 1;) {
    const RungPlan& larger = *above[place].rung;
    if (larger.height * 100 >= rung.height * kScaleLeastPercent) return place;
  }
  return 0;
}

// Of the segment that begins at `begin`.
std::vector<std::int64_t> first_decode_times(const std::vector<std::int64_t>& shown,
                                             std::int64_t begin, std::uint32_t delay) {
  const auto here = std::ranges::lower_bound(shown, begin) - shown.begin();
  std::vector<std::int64_t> times;
  for (std::uint32_t i = 0; i <= delay; ++i) {
    times.push_back(decode_time(shown, static_cast<std::size_t>(here) + i, delay));
  }
  return times;
}

Result<std::vector<Step>> make_steps(const Plan& plan, std::span<const std::string> rungs,
                                     std::uint32_t segment,
                                     const std::vector<std::int64_t>& shown) {
  const std::int64_t begin = plan.timeline.video[segment].begin_ticks;
  std::vector<Step> steps;
  for (const RungPlan& rung : plan.rungs) {  // Largest first, whatever the order asked for.
    if (std::ranges::find(rungs, rung.name) == rungs.end()) {
      continue;
    }
    auto encoder =
        RungEncoder::open(plan, rung, segment, first_decode_times(shown, begin, rung.delay));
    if (!encoder) {
      return fail(std::move(encoder.error()));
    }
    const int rotation = steps.empty() ? plan.index.video->rotation : 0;
    steps.push_back({&rung, scaled_from(steps, rung), Scaler({rung.width, rung.height}, rotation),
                     std::move(*encoder)});
  }
  if (steps.size() != rungs.size()) {
    return fail(ErrorCode::kInvalidArgument, "the plan has no such rung");
  }
  return steps;
}

// None when no rung's encoder would be told.
Result<std::optional<PictureTypes>> types_for(const Plan& plan, const std::vector<Step>& steps) {
  const auto told = [](const Step& step) { return PictureTypes::suit(step.rung->preset); };
  if (std::ranges::none_of(steps, told)) {
    return std::nullopt;
  }
  return PictureTypes::open({plan.index.video->coded_width, plan.index.video->coded_height});
}

}  // namespace

// The pictures of one segment, to every rung.
class VideoPipeline::Maker {
 public:
  Maker(std::vector<Step> steps, std::optional<PictureTypes> types, hls::SegmentSpan span)
      : steps_(std::move(steps)),
        types_(std::move(types)),
        keys_(span.begin_ticks, span.end_ticks) {}

  // It may wait for others until `finish`: as the largest rung has it, for its type to be decided.
  Result<> show(const AVFrame& picture, std::int64_t pts_ticks) {
    const bool key = keys_.is_key(pts_ticks);
    ++frames_;
    if (types_) {
      if (auto put = types_->put(picture, key); !put) return put;
    }
    auto scaled = steps_.front().scaler.scale(picture);
    if (!scaled) {
      return fail(std::move(scaled.error()));
    }
    batch_.push_back({.pictures = {}, .pts_ticks = pts_ticks, .key = key});
    batch_.back().pictures.push_back(std::move(*scaled));
    const auto ready = static_cast<std::ptrdiff_t>(decided());
    const std::int64_t pixels = std::int64_t{top().width} * top().height;
    const bool more = ready < kBatchFrames && ready * pixels < kBatchPixels;
    return more ? Result<>{} : make(ready);
  }

  // Makes what waits.
  Result<> finish() {
    if (types_) {
      if (auto ended = types_->end(); !ended) return ended;
    }
    return make(std::ssize(batch_));
  }

  [[nodiscard]] std::uint32_t frames() const noexcept { return frames_; }
  /// The first picture shown, as the smallest of the rungs has it.
  [[nodiscard]] const AVFrame& first() const noexcept { return *first_; }
  [[nodiscard]] std::vector<Step>& steps() noexcept { return steps_; }
  [[nodiscard]] Size top() const noexcept {
    return {steps_.front().rung->width, steps_.front().rung->height};
  }

 private:
  struct Waiting {
    std::vector<FramePtr> pictures;  ///< By step.
    std::int64_t pts_ticks = 0;
    bool key = false;
  };

  // Of those that wait: whose type is known.
  [[nodiscard]] std::size_t decided() const noexcept {
    return types_ ? types_->decided() - made_ : batch_.size();
  }

  [[nodiscard]] AVPictureType type_of(std::size_t place, const RungPlan& rung) const noexcept {
    if (batch_[place].key) return AV_PICTURE_TYPE_I;
    const bool told = types_ && PictureTypes::suit(rung.preset);
    return told ? types_->of(made_ + place) : AV_PICTURE_TYPE_NONE;
  }

  // Makes the first `count` that wait, rung by rung: one encoder for some pictures, then the next
  // one, finds more of what it works on in the processor's caches than all of them for each picture
  // in turn.
  Result<> make(std::ptrdiff_t count) {
    const std::span ready = std::span(batch_).first(static_cast<std::size_t>(count));
    for (std::size_t place = 0; place < steps_.size(); ++place) {
      Step& step = steps_[place];
      for (std::size_t i = 0; i < ready.size(); ++i) {
        Waiting& waiting = ready[i];
        if (place > 0) {
          auto scaled = step.scaler.scale(*waiting.pictures[step.from]);
          if (!scaled) {
            return fail(std::move(scaled.error()));
          }
          waiting.pictures.push_back(std::move(*scaled));
        }
        if (auto encoded = step.encoder.encode(*waiting.pictures[place], waiting.pts_ticks,
                                               type_of(i, *step.rung));
            !encoded) {
          return encoded;
        }
      }
      drop_scaled(place, ready);
    }
    if (first_ == nullptr && !ready.empty()) first_ = std::move(ready.front().pictures.back());
    made_ += ready.size();
    batch_.erase(batch_.begin(), batch_.begin() + count);
    return {};
  }

  // Lets go of what no step after `place` scales from; the last step's pictures stay.
  void drop_scaled(std::size_t place, std::span<Waiting> ready) {
    for (std::size_t from = 0; from <= place && place + 1 < steps_.size(); ++from) {
      const auto later = std::span(steps_).subspan(place + 1);
      if (std::ranges::find(later, from, &Step::from) != later.end()) continue;
      for (Waiting& waiting : ready) waiting.pictures[from].reset();
    }
  }

  std::vector<Step> steps_;
  std::optional<PictureTypes> types_;
  std::vector<Waiting> batch_;
  KeyframeClock keys_;
  FramePtr first_;
  std::size_t made_ = 0;
  std::uint32_t frames_ = 0;
};

VideoPipeline::VideoPipeline(const Plan& plan) : plan_(plan), shown_(shown_frames(plan)) {
  const auto of_timeline = [](const PacketEntry& packet) { return packet.pts_ticks >= 0; };
  thinned_ = !plan.index.video->field_packets &&
             static_cast<std::size_t>(std::ranges::count_if(plan.index.packets, of_timeline)) >
                 shown_.size();
}

Result<std::unique_ptr<VideoPipeline>> VideoPipeline::open(const SourceFile& file,
                                                           const Plan& plan) {
  std::unique_ptr<VideoPipeline> pipeline(new VideoPipeline(plan));
  auto reader = VideoReader::open(file, plan);
  if (!reader) {
    return fail(std::move(reader.error()));
  }
  pipeline->reader_ = std::move(*reader);
  return pipeline;
}

// Whether no picture of the source begins there.
bool VideoPipeline::is_held(std::int64_t at_ticks) const noexcept {
  const auto& packets = plan_.index.packets;
  return std::ranges::find(packets, at_ticks, &PacketEntry::pts_ticks) == packets.end();
}

// To before the first picture of `segment`. Going on from the segment before costs nothing.
Result<> VideoPipeline::go_to(std::uint32_t segment, Size top) {
  const VideoInfo& video = *plan_.index.video;
  const Size size = video.rotation % 180 == 0 ? top : Size{top.height, top.width};
  const bool hdr = video.transfer == "smpte2084" || video.transfer == "arib-std-b67";
  if (filter_ == nullptr || (hdr && size != filter_size_)) {
    filter_ = std::make_unique<PictureFilter>(video.interlaced, size);
    filter_size_ = size;
    next_segment_.reset();
  }
  if (next_segment_ == segment) {
    return {};
  }
  const std::int64_t begin = plan_.timeline.video[segment].begin_ticks;
  // A picture held across the begin must be decoded too.
  const unsigned before = (is_held(begin) ? 1 : 0) + (video.interlaced ? kFieldContextFrames : 0);
  // Another worker made what lies between, without a keyframe: on from here is the shortest way.
  if (next_segment_ && *next_segment_ < segment && reader_->go_on_to(begin, before)) {
    return {};
  }
  pending_.reset();
  last_.reset();
  ended_ = false;
  filter_->reset();
  return reader_->seek(begin, before);
}

Result<std::optional<Picture>> VideoPipeline::next() {
  if (pending_) {
    return std::exchange(pending_, std::nullopt);
  }
  while (filter_->empty()) {
    if (ended_) {
      return std::nullopt;
    }
    auto picture = reader_->next();
    if (!picture) {
      return fail(std::move(picture.error()));
    }
    ended_ = picture->frame == nullptr;
    if (auto put = filter_->put(std::move(*picture)); !put) {
      return fail(std::move(put.error()));
    }
  }
  return std::optional(filter_->take());
}

Result<> VideoPipeline::play(hls::SegmentSpan span, const NextPicture& next, const Show& show,
                             const Progress& progress) {
  bool any = false;
  whole_ = 0;
  while (true) {
    auto picture = next();
    if (!picture) {
      return fail(std::move(picture.error()));
    }
    if (!*picture || (*picture)->pts_ticks >= span.end_ticks) {
      pending_ = std::move(*picture);
      break;
    }
    const std::int64_t pts = (*picture)->pts_ticks;
    const double done =
        static_cast<double>(pts - span.begin_ticks) / static_cast<double>(span.duration_ticks());
    if (progress && !progress(std::clamp(done, 0.0, 1.0))) {
      return fail(ErrorCode::kCancelled, "the task was cancelled");
    }
    FramePtr frame = std::move((*picture)->frame);
    if (pts >= span.begin_ticks) {
      if (!any && pts > span.begin_ticks) {
        // Inside a picture shown for long, or where the first one cannot be decoded.
        const AVFrame& held = last_ == nullptr ? *frame : *last_;
        if (auto shown = show(held, span.begin_ticks); !shown) {
          return shown;
        }
        whole_ += last_ != nullptr && is_held(span.begin_ticks) ? 1 : 0;
        any = true;
      }
      if (thinned_ && !std::ranges::binary_search(shown_, pts)) {
        continue;
      }
      if (auto shown = show(*frame, pts); !shown) {
        return shown;
      }
      whole_ += is_damaged(*frame) ? 0 : 1;
      any = true;
    }
    last_ = std::move(frame);
  }
  if (!any) {  // All of it held, or nothing decodes: the timeline holds all the same.
    whole_ += last_ != nullptr && is_held(span.begin_ticks) ? 1 : 0;
    const FramePtr black = black_picture(filter_size_);
    return show(last_ == nullptr ? *black : *last_, span.begin_ticks);
  }
  return {};
}

// Plays the segment once more, beside what was made of it.
Result<> VideoPipeline::measure(Maker& maker, std::uint32_t segment,
                                std::span<const std::span<const std::uint8_t>> made,
                                std::vector<Quality>& found, const Progress& progress) {
  const hls::SegmentSpan span = plan_.timeline.video[segment];
  std::vector<QualityMeter> meters;
  for (const auto& bytes : made) {
    auto meter = QualityMeter::open(bytes, span.begin_ticks);
    if (!meter) {
      return fail(std::move(meter.error()));
    }
    meters.push_back(std::move(*meter));
  }
  if (auto there = go_to(segment, maker.top()); !there) {
    return there;
  }
  const Show show = [&](const AVFrame& picture, std::int64_t) -> Result<> {
    FramePtr held;
    const AVFrame* above = &picture;
    for (std::size_t i = 0; i < meters.size(); ++i) {
      auto scaled = maker.steps()[i].scaler.scale(*above);
      if (!scaled) {
        return fail(std::move(scaled.error()));
      }
      held = std::move(*scaled);
      above = held.get();
      if (auto compared = meters[i].compare(*above); !compared) {
        return compared;
      }
    }
    return {};
  };
  if (auto played = play(span, [this] { return next(); }, show, progress); !played) {
    return played;
  }
  for (QualityMeter& meter : meters) {
    auto quality = meter.finish();
    if (!quality) {
      return fail(std::move(quality.error()));
    }
    found.push_back(*quality);
  }
  return {};
}

Result<std::vector<SegmentOutput>> VideoPipeline::encode(std::uint32_t segment,
                                                         std::span<const std::string> rungs,
                                                         std::span<const int> outputs,
                                                         const Progress& progress,
                                                         EncodeManner manner) {
  const hls::SegmentSpan span = plan_.timeline.video[segment];
  auto steps = make_steps(plan_, rungs, segment, shown_);
  if (!steps) {
    return fail(std::move(steps.error()));
  }
  auto types = types_for(plan_, *steps);
  if (!types) {
    return fail(std::move(types.error()));
  }
  Maker maker(std::move(*steps), std::move(*types), span);
  if (auto there = go_to(segment, maker.top()); !there) {
    return fail(std::move(there.error()));
  }
  next_segment_.reset();  // Until this one is whole.
  std::optional<DecodeAhead> ahead;
  const NextPicture here = [this] { return next(); };
  if (manner.awaited) ahead.emplace(here, span.end_ticks);
  const NextPicture there = [&ahead] { return ahead->next(); };
  const Show show = [&maker](const AVFrame& picture, std::int64_t pts_ticks) {
    return maker.show(picture, pts_ticks);
  };
  if (auto played = play(span, ahead ? there : here, show, progress); !played) {
    return fail(std::move(played.error()));
  }
  if (auto made = maker.finish(); !made) {
    return fail(std::move(made.error()));
  }
  ahead.reset();
  if (manner.tiles >= 0) {
    auto tile = Scaler(tile_of(plan_), 0).scale(maker.first());
    if (tile) keep_tile(manner.tiles, segment, **tile);
  }
  const auto expected =
      static_cast<std::uint32_t>(std::ranges::lower_bound(shown_, span.end_ticks) -
                                 std::ranges::lower_bound(shown_, span.begin_ticks));
  const std::uint32_t damaged = expected - std::min(expected, whole_);
  std::vector<SegmentOutput> results(rungs.size());
  std::vector<std::span<const std::uint8_t>> made;
  std::vector<SegmentOutput*> made_as;
  for (Step& step : maker.steps()) {
    auto bytes = step.encoder.finish();
    if (!bytes) {
      return fail(std::move(bytes.error()));
    }
    const auto place =
        static_cast<std::size_t>(std::ranges::find(rungs, step.rung->name) - rungs.begin());
    if (auto wrote = write_output(outputs[place], *bytes); !wrote) {
      return fail(std::move(wrote.error()));
    }
    results[place] = {.bytes = bytes->size(),
                      .begin_ticks = span.begin_ticks,
                      .duration_ticks = span.duration_ticks(),
                      .frames = maker.frames(),
                      .damaged_frames = damaged,
                      .codecs = step.encoder.codecs(),
                      .i_frames = step.encoder.i_frames(),
                      .quality = {}};
    made.push_back(*bytes);
    made_as.push_back(&results[place]);
  }
  if (manner.measure) {
    std::vector<Quality> found;
    if (auto measured = measure(maker, segment, made, found, progress); !measured) {
      // The segment is good all the same.
      av_log(nullptr, AV_LOG_ERROR, "its quality: %s\n", measured.error().message.c_str());
    } else {
      for (std::size_t i = 0; i < found.size(); ++i) made_as[i]->quality = found[i];
    }
  } else {
    next_segment_ = segment + 1;
  }
  return results;
}

}  // namespace sf::transcode
