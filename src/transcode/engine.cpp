#include "engine.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/write_whole.hpp>

#include "audio.hpp"
#include "audio_copy.hpp"
#include "copy.hpp"
#include "engine_output.hpp"
#include "engine_stills.hpp"
#include "engine_video.hpp"
#include "index.hpp"
#include "subtitles.hpp"

#include <algorithm>
#include <map>

namespace sf::transcode {

Result<> write_output(int descriptor, std::span<const std::uint8_t> bytes) {
  return write_whole_at(descriptor, 0, std::as_bytes(bytes), "write a segment");
}

// What is known of the source that tasks are about, and what is open of it.
struct Engine::Impl {
  std::string key;
  std::unique_ptr<const Plan> plan;
  std::unique_ptr<VideoPipeline> video;
  std::unique_ptr<VideoCopier> copier;
  std::map<std::uint32_t, std::unique_ptr<AudioReader>> audio;

  void use(const std::string& source_key, const Plan& source_plan) {
    reset_libav_log();
    if (plan == nullptr || key != source_key) {
      close();
      key = source_key;
      plan = std::make_unique<const Plan>(source_plan);
    }
  }

  Result<SegmentOutput> copy(const SourceFile& source, std::uint32_t segment, int output,
                             const Progress& progress) {
    if (copier == nullptr) {
      auto opened = VideoCopier::open(source, *plan);
      if (!opened) {
        return fail(std::move(opened.error()));
      }
      copier = std::move(*opened);
    }
    copier->rebind(source);
    auto outcome = copier->copy(segment, output, progress);
    if (!outcome) {
      copier.reset();  // A retry begins clean.
    }
    return outcome;
  }

  Result<> open_video(const SourceFile& source) {
    if (video == nullptr) {
      auto opened = VideoPipeline::open(source, *plan);
      if (!opened) {
        return fail(std::move(opened.error()));
      }
      video = std::move(*opened);
    }
    video->rebind(source);
    return {};
  }

  Result<> open_stills(const SourceFile& source) {
    if (!plan->index.video || plan->rungs.empty() || plan->timeline.video.empty()) {
      return fail(ErrorCode::kInvalidArgument, "the plan has no picture");
    }
    return open_video(source);
  }

  Result<std::vector<SegmentOutput>> encode(const SourceFile& source, std::uint32_t segment,
                                            std::span<const std::string> rungs,
                                            std::span<const int> outputs, const Progress& progress,
                                            EncodeManner manner) {
    if (auto opened = open_video(source); !opened) {
      return fail(std::move(opened.error()));
    }
    auto outcome = video->encode(segment, rungs, outputs, progress, manner);
    if (!outcome) {
      video.reset();
    }
    return outcome;
  }

  [[nodiscard]] const RungPlan* copied(const std::string& rung) const {
    const auto found = std::ranges::find(plan->rungs, rung, &RungPlan::name);
    return found != plan->rungs.end() && found->copied() ? &*found : nullptr;
  }

  void close() noexcept {
    audio.clear();
    video.reset();
    copier.reset();
    plan.reset();
    key.clear();
  }
};

Engine::Engine() : impl_(std::make_unique<Impl>()) { install_libav_log(); }
Engine::~Engine() = default;
void Engine::forget() noexcept { impl_->close(); }

Result<SourceIndex> Engine::index(const SourceFile& source, const Progress& progress) {
  reset_libav_log();
  return index_source(source, progress);
}

Result<SourceIndex> Engine::index_arriving(const SourceFile& source, const AwaitMore& await_more,
                                           const Progress& progress) {
  reset_libav_log();
  return transcode::index_arriving(source, await_more, progress);
}

Result<std::vector<SegmentOutput>> Engine::encode_video(
    const std::string& source_key, const SourceFile& source, const Plan& plan,
    std::uint32_t segment, std::span<const std::string> rungs, std::span<const int> outputs,
    const Progress& progress, EncodeManner manner) {
  Impl& impl = *impl_;
  impl.use(source_key, plan);
  if (!impl.plan->index.video || segment >= impl.plan->timeline.video.size() || rungs.empty() ||
      rungs.size() != outputs.size()) {
    return fail(ErrorCode::kInvalidArgument, "the plan has no such segment");
  }
  std::vector<SegmentOutput> made(rungs.size());
  std::vector<std::string> encoded;
  std::vector<int> encoded_outputs;
  for (std::size_t i = 0; i < rungs.size(); ++i) {
    const RungPlan* copied_rung = impl.copied(rungs[i]);
    if (copied_rung == nullptr || !copied_rung->copies(segment)) {
      encoded.push_back(rungs[i]);
      encoded_outputs.push_back(outputs[i]);
      continue;
    }
    auto copied = impl.copy(source, segment, outputs[i], progress);
    if (copied) {
      made[i] = std::move(*copied);
    } else if (copied.error().code == ErrorCode::kCorrupt) {
      // It does not read as it did: what can be decoded of it is better than nothing.
      encoded.push_back(rungs[i]);
      encoded_outputs.push_back(outputs[i]);
    } else {
      return fail(std::move(copied.error()));
    }
  }
  if (encoded.empty()) {
    return made;
  }
  auto outcome = impl.encode(source, segment, encoded, encoded_outputs, progress, manner);
  if (!outcome) {
    return outcome;
  }
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    const auto place = std::ranges::find(rungs, encoded[i]) - rungs.begin();
    SegmentOutput& output = made[static_cast<std::size_t>(place)];
    output = std::move((*outcome)[i]);
    if (impl.copied(encoded[i]) != nullptr) {
      output.codecs = impl.plan->index.video->codecs;  // What was announced.
    }
  }
  return made;
}

Result<SegmentOutput> Engine::draw_poster(const std::string& source_key, const SourceFile& source,
                                          const Plan& plan, int output, const Progress& progress) {
  impl_->use(source_key, plan);
  if (auto opened = impl_->open_stills(source); !opened) {
    return fail(std::move(opened.error()));
  }
  return transcode::draw_poster(*impl_->video, *impl_->plan, output, progress);
}

Result<SegmentOutput> Engine::draw_sheet(const std::string& source_key, const SourceFile& source,
                                         const Plan& plan, std::uint32_t sheet, int cells,
                                         int output, const Progress& progress) {
  impl_->use(source_key, plan);
  if (auto opened = impl_->open_stills(source); !opened) {
    return fail(std::move(opened.error()));
  }
  return transcode::draw_sheet(*impl_->video, *impl_->plan, sheet, cells, output, progress);
}

Result<SegmentOutput> Engine::encode_audio(const std::string& source_key, const SourceFile& source,
                                           const Plan& plan, std::uint32_t track,
                                           std::uint32_t segment, int output,
                                           const Progress& progress) {
  Impl& impl = *impl_;
  impl.use(source_key, plan);
  if (track >= impl.plan->audio.size() || segment >= impl.plan->timeline.audio.size()) {
    return fail(ErrorCode::kInvalidArgument, "the plan has no such segment");
  }
  std::unique_ptr<AudioReader>& reader = impl.audio[track];
  if (reader == nullptr) {
    auto opened = AudioReader::open(source, *impl.plan, track);
    if (!opened) {
      return fail(std::move(opened.error()));
    }
    reader = std::move(*opened);
  }
  reader->rebind(source);
  auto outcome = impl.plan->audio[track].copies(segment)
                     ? copy_audio_segment(*reader, *impl.plan, track, segment, progress)
                     : encode_audio_segment(*reader, *impl.plan, track, segment, progress);
  if (!outcome) {
    impl.audio.erase(track);
    return fail(std::move(outcome.error()));
  }
  if (auto wrote = write_output(output, outcome->second); !wrote) {
    return fail(std::move(wrote.error()));
  }
  return std::move(outcome->first);
}

Result<SegmentOutput> Engine::extract_subtitles(const SourceFile& source, const Plan& plan,
                                                int output, const Progress& progress) {
  reset_libav_log();
  const auto pack = transcode::extract_subtitles(source, plan, progress);
  if (!pack) {
    return fail(pack.error());
  }
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(pack->data());
  if (auto wrote = write_output(output, {bytes, pack->size()}); !wrote) {
    return fail(std::move(wrote.error()));
  }
  SegmentOutput made;
  made.bytes = pack->size();
  return made;
}

}  // namespace sf::transcode
