#include "ladder.hpp"

#include <streamforge/base/bytes.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace sf::transcode {
namespace {

Size turned_for(Size picture, Size box) noexcept {
  return picture.height > picture.width ? Size{box.height, box.width} : box;
}

bool holds(Size box, Size picture) noexcept {
  return picture.width <= box.width && picture.height <= box.height;
}

std::uint32_t even(double length, std::uint32_t most) noexcept {
  const auto rounded = static_cast<std::uint32_t>(length / 2 + 0.5) * 2;
  return std::max(2U, std::min(rounded, most & ~1U));
}

struct Level {
  int number;
  std::uint64_t macroblocks_per_second;
  std::uint32_t macroblocks;
  std::uint32_t dpb_macroblocks;
  std::uint32_t kbps;  // Of the High profile: 1.25 × the table's.
};
constexpr std::array kLevels{
    Level{10, 1'485, 99, 396, 80},
    Level{11, 3'000, 396, 900, 240},
    Level{12, 6'000, 396, 2'376, 480},
    Level{13, 11'880, 396, 2'376, 960},
    Level{20, 11'880, 396, 2'376, 2'500},
    Level{21, 19'800, 792, 4'752, 5'000},
    Level{22, 20'250, 1'620, 8'100, 5'000},
    Level{30, 40'500, 1'620, 8'100, 12'500},
    Level{31, 108'000, 3'600, 18'000, 17'500},
    Level{32, 216'000, 5'120, 20'480, 25'000},
    Level{40, 245'760, 8'192, 32'768, 25'000},
    Level{42, 522'240, 8'704, 34'816, 62'500},
    Level{50, 589'824, 22'080, 110'400, 168'750},
    Level{51, 983'040, 36'864, 184'320, 300'000},
    Level{52, 2'073'600, 36'864, 184'320, 300'000},
    Level{60, 4'177'920, 139'264, 696'320, 300'000},
    Level{61, 8'355'840, 139'264, 696'320, 600'000},
    Level{62, 16'711'680, 139'264, 696'320, 1'000'000},
};

constexpr std::array<std::string_view, 9> kPresets{
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"};

// A whole word as a number from `least` to `most`.
template <typename Number>
bool read_number(std::string_view word, Number least, Number most, Number& out) {
  const char* const end = word.data() + word.size();
  const auto [at, error] = std::from_chars(word.data(), end, out);
  return error == std::errc{} && at == end && out >= least && out <= most;
}

// KBPS, PRESET, CRF, as far as they are said. What is wrong with them; nothing when they are right.
std::string set_up(LadderRung& rung, std::span<const std::string_view> words) {
  if (words.size() > 3) return "a rung is HEIGHT[:KBPS[:PRESET[:CRF]]], as 1080:6000:fast:21";
  const auto said = [&](std::size_t place) {
    return place < words.size() && !words[place].empty();
  };
  if (said(0) && !read_number(words[0], 100U, 100'000U, rung.max_kbps)) {
    return concat("the bit rate \"", words[0], "\" is no number of kbit/s from 100 to 100000");
  }
  if (said(1)) {
    if (std::ranges::find(kPresets, words[1]) == kPresets.end()) {
      std::string wrong = concat("x264 has no preset \"", words[1], "\": choose from ");
      for (const std::string_view preset : kPresets) {
        wrong += concat(preset == kPresets.front() ? "" : ", ", preset);
      }
      return wrong;
    }
    rung.preset = words[1];
  }
  if (said(2) && !read_number(words[2], 1.0, 51.0, rung.crf)) {
    return concat("the CRF \"", words[2], "\" is no number from 1 (best) to 51");
  }
  return {};
}

}  // namespace

Size fit(Size picture, Size box) noexcept {
  box = turned_for(picture, box);
  const double scale = std::min({1.0, static_cast<double>(box.width) / picture.width,
                                 static_cast<double>(box.height) / picture.height});
  return {even(picture.width * scale, std::min(picture.width, box.width)),
          even(picture.height * scale, std::min(picture.height, box.height))};
}

std::vector<RungPlan> choose_rungs(Size picture, std::span<const LadderRung> ladder) {
  std::vector<RungPlan> rungs;
  for (std::size_t i = 0; i < ladder.size(); ++i) {
    const auto box_of = [&](std::size_t at) {
      return turned_for(picture, Size{ladder[at].width, ladder[at].height});
    };
    const bool next_holds = i + 1 < ladder.size() && holds(box_of(i + 1), picture);
    if (holds(box_of(i), picture) && next_holds) {
      continue;
    }
    const LadderRung& rung = ladder[i];
    const Size size = fit(picture, {rung.width, rung.height});
    rungs.push_back({.name = rung.name,
                     .width = size.width,
                     .height = size.height,
                     .mode = "encode",
                     .why = "encode",
                     .preset = rung.preset,
                     .crf = rung.crf,
                     .max_kbps = rung.max_kbps,
                     .buffer_kbits = rung.max_kbps * 2});
  }
  return rungs;
}

int h264_level(Size size, double frames_per_second, std::uint32_t kbps) noexcept {
  const std::uint32_t columns = (size.width + 15) / 16;
  const std::uint32_t rows = (size.height + 15) / 16;
  const std::uint32_t macroblocks = columns * rows;
  const double per_second = macroblocks * frames_per_second;
  for (const Level& level : kLevels) {
    const auto side_max = static_cast<std::uint64_t>(level.macroblocks) * 8;
    if (macroblocks <= level.macroblocks && std::uint64_t{columns} * columns <= side_max &&
        std::uint64_t{rows} * rows <= side_max &&
        per_second <= static_cast<double>(level.macroblocks_per_second) &&
        macroblocks * kReferencesMax <= level.dpb_macroblocks && kbps <= level.kbps) {
      return level.number;
    }
  }
  return kLevels.back().number;
}

LadderOptions default_ladder() {
  return {.rungs = {{"1080p", 1920, 1080, 5'000, "veryfast", 23},
                    {"720p", 1280, 720, 2'800, "veryfast", 23},
                    {"480p", 854, 480, 1'400, "veryfast", 23},
                    {"360p", 640, 360, 800, "veryfast", 23}},
          .segment_seconds = 4};
}

Result<LadderOptions> parse_ladder(std::string_view text) {
  const LadderOptions all = default_ladder();
  std::vector<std::optional<LadderRung>> wanted(all.rungs.size());
  for (const std::string_view piece : split(text, ',')) {
    const std::vector<std::string_view> words = split(trim(piece), ':');
    const auto same = [&](const LadderRung& rung) {
      return words[0] == rung.name ||
             (!words[0].ends_with('p') && concat(words[0], 'p') == rung.name);
    };
    const auto found = std::ranges::find_if(all.rungs, same);
    if (found == all.rungs.end()) {
      return fail(ErrorCode::kInvalidArgument,
                  concat("no rung is called \"", words[0], "\": choose from 1080, 720, 480, 360"));
    }
    LadderRung rung = *found;
    if (const std::string wrong = set_up(rung, std::span(words).subspan(1)); !wrong.empty()) {
      return fail(ErrorCode::kInvalidArgument, concat('"', trim(piece), "\": ", wrong));
    }
    wanted[static_cast<std::size_t>(found - all.rungs.begin())] = std::move(rung);
  }
  LadderOptions chosen{.rungs = {}, .segment_seconds = all.segment_seconds};
  for (std::optional<LadderRung>& rung : wanted) {
    if (rung) chosen.rungs.push_back(std::move(*rung));
  }
  return chosen;
}

std::string to_string(const LadderRung& rung) {
  const std::vector<LadderRung> usual = default_ladder().rungs;
  if (std::ranges::find(usual, rung) != usual.end()) return rung.name;
  return concat(rung.name, ':', rung.max_kbps, ':', rung.preset, ':', rung.crf);
}

}  // namespace sf::transcode
