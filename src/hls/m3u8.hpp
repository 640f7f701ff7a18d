#pragma once

/// Reads playlists, anybody's (RFC 8216 section 4). Pure; what is not understood is kept out of the
/// way and, where it breaks a rule, named.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sf::hls {

using Attributes = std::map<std::string, std::string, std::less<>>;

struct ListedRange {
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;
};

struct ListedSegment {
  std::string uri;
  double seconds = 0;
  bool discontinuity = false;
  bool dated = false;  ///< EXT-X-PROGRAM-DATE-TIME.
  std::optional<ListedRange> range;
};

struct ListedVariant {
  std::string uri;
  Attributes attributes;
};

struct M3u8 {
  std::vector<std::string> faults;  ///< Against the syntax (P1).
  std::vector<unsigned> versions;   ///< EXT-X-VERSION, each time.
  bool independent = false;
  std::optional<double> start_seconds;  ///< EXT-X-START's TIME-OFFSET.

  // Of a multivariant playlist.
  std::vector<ListedVariant> variants;
  std::vector<Attributes> media;
  std::vector<Attributes> i_frame_variants;

  // Of a media playlist.
  std::optional<unsigned> target_seconds;
  std::uint64_t sequence = 0;
  std::string type;  ///< "VOD", "EVENT" or empty.
  bool ended = false;
  bool i_frames_only = false;
  bool has_map = false;
  Attributes map;
  bool decimals = false;  ///< Some EXTINF is no whole number.
  std::vector<ListedSegment> segments;

  [[nodiscard]] bool is_master() const noexcept { return !variants.empty(); }
  [[nodiscard]] double seconds() const noexcept;
};

[[nodiscard]] M3u8 read_m3u8(std::string_view text);

/// The value of an attribute; empty when there is none.
[[nodiscard]] std::string_view attribute(const Attributes& attributes, std::string_view name);
[[nodiscard]] std::uint64_t number_attribute(const Attributes& attributes, std::string_view name);

/// A reference as seen from where it stands (RFC 3986 section 5.2, paths).
[[nodiscard]] std::string resolve_uri(std::string_view base, std::string_view reference);

}  // namespace sf::hls
