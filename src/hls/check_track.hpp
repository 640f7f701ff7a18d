#pragma once

/// One media playlist and what its segments hold, for a check. Pure.

#include "check_rows.hpp"
#include "m3u8.hpp"

#include <streamforge/hls/timeline.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sf::hls {

/// What is kept of a list once its segments have been looked at.
struct CheckedTrack {
  std::string uri;
  std::string text;  ///< As it was read first.
  M3u8 list;
  bool video = false;  ///< It holds pictures.
  bool audio = false;
  bool ts = false;
  std::vector<SizedSegment> sizes;
  std::vector<std::int64_t> begins;  ///< First PTS of each segment, leaps of 2^33 undone.
  std::vector<std::int64_t> idrs;
  double frames_per_second = 0;          ///< Of the pictures; 0: not known.
  std::optional<std::uint32_t> profile;  ///< H.264: as CODECS has it.
  Rates rates;
};

/// Reads the list and every segment of it, and says what there is to say of them alone. nullopt: it
/// cannot be had.
[[nodiscard]] std::optional<CheckedTrack> check_track(const std::string& uri, const Fetch& fetch,
                                                      Rows& rows);

/// What every answer over HTTP is looked at for.
enum class Kind : std::uint8_t { kPlaylist, kSegment, kSubtitle };
void check_headers(const std::string& uri, const Fetched& answer, Kind kind, Rows& rows);
/// A playlist, its syntax and how it is served; nullopt when it cannot be had.
[[nodiscard]] std::optional<M3u8> fetch_list(const std::string& uri, const Fetch& fetch, Rows& rows,
                                             std::string* text = nullptr);
/// The end of a URI, short enough for a message.
[[nodiscard]] std::string short_name(std::string_view uri);

}  // namespace sf::hls
