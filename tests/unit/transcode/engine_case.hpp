#pragma once

/// A source taken through the whole engine, for tests: indexed, planned, segments encoded to files.

#include "engine.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/unique_fd.hpp>

#include "support/clips.hpp"
#include "support/temp_dir.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <map>
#include <string>
#include <vector>

namespace sf::transcode {

class EngineCase {
 public:
  enum class Copy : bool { kNo, kYes };  // By default every rung is encoded.
  explicit EngineCase(std::string path, std::string_view ladder = "1080,720,480,360",
                      Copy copy = Copy::kNo)
      : path_(std::move(path)), file_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat about{};
    ::fstat(file_.get(), &about);
    source_ = {file_.get(), static_cast<std::uint64_t>(about.st_size)};
    auto index = engine_.index(source_, {});
    if (!index) {
      error_ = index.error();
      return;
    }
    LadderOptions options = *parse_ladder(ladder);
    options.copy = copy == Copy::kYes;
    auto plan = make_plan(std::move(*index), options);
    if (!plan) {
      error_ = plan.error();
      return;
    }
    plan_ = std::move(*plan);
  }
  explicit EngineCase(const test::ClipOptions& clip, std::string_view ladder = "1080,720,480,360",
                      Copy copy = Copy::kNo)
      : EngineCase(test::clip(clip), ladder, copy) {}

  [[nodiscard]] bool ok() const noexcept { return error_.message.empty(); }
  [[nodiscard]] const Error& error() const noexcept { return error_; }
  [[nodiscard]] const Plan& plan() const noexcept { return plan_; }
  [[nodiscard]] const SourceFile& source() const noexcept { return source_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] Engine& engine() noexcept { return engine_; }
  [[nodiscard]] std::uint32_t video_segments() const {
    return static_cast<std::uint32_t>(plan_.timeline.video.size());
  }
  [[nodiscard]] std::uint32_t audio_segments() const {
    return static_cast<std::uint32_t>(plan_.timeline.audio.size());
  }

  /// Encodes a segment of all rungs; empty, and a test failure, when that fails.
  std::vector<SegmentOutput> make_video(std::uint32_t segment, Engine& with,
                                        EncodeManner manner = {}) {
    std::vector<std::string> names;
    std::vector<UniqueFd> files;
    std::vector<int> descriptors;
    for (const RungPlan& rung : plan_.rungs) {
      names.push_back(rung.name);
      files.push_back(create(video_file(rung.name, segment)));
      descriptors.push_back(files.back().get());
    }
    auto made =
        with.encode_video("source", source_, plan_, segment, names, descriptors, {}, manner);
    EXPECT_TRUE(made) << made.error().message;
    return made ? *made : std::vector<SegmentOutput>{};
  }
  SegmentOutput make_audio(std::uint32_t track, std::uint32_t segment, Engine& with) {
    const UniqueFd file = create(audio_file(track, segment));
    auto made = with.encode_audio("source", source_, plan_, track, segment, file.get(), {});
    EXPECT_TRUE(made) << made.error().message;
    return made ? *made : SegmentOutput{};
  }
  /// Every segment of every rung and track, in order.
  void make_all() {
    for (std::uint32_t i = 0; i < video_segments(); ++i) {
      for (std::size_t rung = 0; SegmentOutput & output : video_made(i)) {
        video[plan_.rungs[rung++].name].push_back(std::move(output));
      }
    }
    for (std::uint32_t track = 0; track < plan_.audio.size(); ++track) {
      for (std::uint32_t i = 0; i < audio_segments(); ++i) {
        audio[track].push_back(make_audio(track, i, engine_));
      }
    }
  }

  [[nodiscard]] std::string video_file(const std::string& rung, std::uint32_t segment) const {
    return folder_.file(concat(rung, '.', segment, ".ts"));
  }
  [[nodiscard]] std::string audio_file(std::uint32_t track, std::uint32_t segment) const {
    return folder_.file(concat("audio.", track, '.', segment, ".ts"));
  }
  /// All segments of a rung, or a track, one after the other in one file.
  [[nodiscard]] std::string joined_video(const std::string& rung) const {
    std::string all;
    for (std::uint32_t i = 0; i < video_segments(); ++i) {
      all += test::read_file(video_file(rung, i));
    }
    return keep(concat(rung, ".ts"), all);
  }
  [[nodiscard]] std::string joined_audio(std::uint32_t track) const {
    std::string all;
    for (std::uint32_t i = 0; i < audio_segments(); ++i) {
      all += test::read_file(audio_file(track, i));
    }
    return keep(concat("audio.", track, ".ts"), all);
  }

  /// By rung, or track, the segments that `make_all` made.
  std::map<std::string, std::vector<SegmentOutput>> video;
  std::map<std::uint32_t, std::vector<SegmentOutput>> audio;

 private:
  std::vector<SegmentOutput>& video_made(std::uint32_t segment) {
    made_ = make_video(segment, engine_);
    return made_;
  }
  static UniqueFd create(const std::string& path) {
    return UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  }
  std::string keep(const std::string& name, const std::string& bytes) const {
    test::write_file(folder_.path() / name, bytes);
    return folder_.file(name);
  }

  test::TempDir folder_;
  std::string path_;
  UniqueFd file_;
  SourceFile source_;
  Engine engine_;
  Plan plan_;
  Error error_;
  std::vector<SegmentOutput> made_;
};

/// What a check of TS packets one by one finds wrong; empty when nothing is. Sync bytes, PAT and
/// PMT first, and continuity counters that step by one with every payload.
inline std::string ts_faults(const std::string& bytes) {
  if (bytes.size() % 188 != 0) {
    return "not a whole number of packets";
  }
  std::map<unsigned, unsigned> counters;
  for (std::size_t at = 0; at < bytes.size(); at += 188) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[at + i]); };
    const unsigned pid = (byte(1) & 0x1fU) << 8 | byte(2);
    if (byte(0) != 0x47) {
      return concat("no sync byte at ", at);
    }
    if ((at == 0 && pid != 0) || (at == 188 && pid != 0x1000)) {
      return "it does not begin with PAT and PMT";
    }
    if ((byte(3) & 0x10U) == 0) {
      continue;
    }
    const unsigned counter = byte(3) & 0x0fU;
    if (const auto last = counters.find(pid);
        last != counters.end() && (last->second + 1) % 16 != counter) {
      return concat("the counter of ", pid, " goes from ", last->second, " to ", counter, " at ",
                    at);
    }
    counters[pid] = counter;
  }
  return {};
}

}  // namespace sf::transcode
