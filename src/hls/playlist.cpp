#include <streamforge/hls/playlist.hpp>

#include <streamforge/base/bytes.hpp>

#include <cstdio>

namespace sf::hls {
namespace {

// RFC 8216 section 4.2: a quoted-string holds neither line breaks nor quotes.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f && c != '"') {
      out += c;
    }
  }
  out += '"';
  return out;
}

std::string fixed(std::int64_t value, std::int64_t unit, unsigned decimals) {
  std::string fraction = std::to_string(value % unit);
  fraction.insert(0, decimals - fraction.size(), '0');
  return concat(value / unit, '.', fraction);
}

std::int64_t microseconds(std::int64_t ticks) {
  return (ticks * 1'000'000 + kTicksPerSecond / 2) / kTicksPerSecond;
}

std::string byte_range(const ByteRange& range) { return concat(range.bytes, '@', range.offset); }

// RFC 8216 section 7.
unsigned version_of(const MediaPlaylist& playlist) {
  if (playlist.init) {
    return playlist.i_frames_only ? 5 : 6;
  }
  if (playlist.i_frames_only) {
    return 4;
  }
  for (const MediaSegment& segment : playlist.segments) {
    if (segment.range) {
      return 4;
    }
  }
  return 3;
}

void write_media(std::string& out, const Media& media) {
  out += concat("#EXT-X-MEDIA:TYPE=", media.type, ",GROUP-ID=", quoted(media.group),
                ",NAME=", quoted(media.name));
  if (!media.language.empty()) {
    out += concat(",LANGUAGE=", quoted(media.language));
  }
  out += concat(",DEFAULT=", media.is_default ? "YES" : "NO",
                ",AUTOSELECT=", media.autoselect || media.is_default ? "YES" : "NO");
  if (media.type == "SUBTITLES") {
    out += concat(",FORCED=", media.forced ? "YES" : "NO");
  }
  if (!media.characteristics.empty()) {
    out += concat(",CHARACTERISTICS=", quoted(media.characteristics));
  }
  if (media.channels > 0) {
    out += concat(",CHANNELS=\"", media.channels, '"');
  }
  out += concat(",URI=", quoted(media.uri), '\n');
}

void write_variant(std::string& out, const Variant& variant) {
  out +=
      concat("#EXT-X-STREAM-INF:BANDWIDTH=", variant.bandwidth,
             ",AVERAGE-BANDWIDTH=", variant.average_bandwidth, ",CODECS=", quoted(variant.codecs));
  if (variant.width > 0) {
    out += concat(",RESOLUTION=", variant.width, 'x', variant.height, ",FRAME-RATE=",
                  fixed(static_cast<std::int64_t>(variant.frame_rate * 1000 + 0.5), 1000, 3));
  }
  if (!variant.audio_group.empty()) {
    out += concat(",AUDIO=", quoted(variant.audio_group));
  }
  if (!variant.subtitle_group.empty()) {
    out += concat(",SUBTITLES=", quoted(variant.subtitle_group));
  }
  out += concat(",CLOSED-CAPTIONS=NONE\n", variant.uri, '\n');
}

void write_i_frame_variant(std::string& out, const IFrameVariant& variant) {
  out += concat("#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=", variant.bandwidth,
                ",CODECS=", quoted(variant.codecs), ",RESOLUTION=", variant.width, 'x',
                variant.height, ",URI=", quoted(variant.uri), '\n');
}

}  // namespace

std::string write_media_playlist(const MediaPlaylist& playlist) {
  const bool vod = playlist.kind == PlaylistKind::kVod;
  std::string out =
      concat("#EXTM3U\n#EXT-X-VERSION:", version_of(playlist),
             "\n#EXT-X-TARGETDURATION:", playlist.target_duration_seconds,
             "\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:", vod ? "VOD" : "EVENT", '\n');
  if (playlist.i_frames_only) {
    out += "#EXT-X-I-FRAMES-ONLY\n";
  }
  if (!vod) {
    out += "#EXT-X-START:TIME-OFFSET=0\n";  // P37: else players begin near the live edge.
  }
  if (playlist.init) {
    out += concat("#EXT-X-MAP:URI=", quoted(playlist.init->uri));
    if (playlist.init->range) {
      out += concat(",BYTERANGE=\"", byte_range(*playlist.init->range), '"');
    }
    out += '\n';
  }
  std::int64_t begin = 0;
  for (const MediaSegment& segment : playlist.segments) {
    const std::int64_t end = begin + segment.duration_ticks;
    if (segment.discontinuity) {
      out += "#EXT-X-DISCONTINUITY\n";
    }
    out += concat("#EXTINF:", fixed(microseconds(end) - microseconds(begin), 1'000'000, 6), ",\n");
    if (segment.range) {
      out += concat("#EXT-X-BYTERANGE:", byte_range(*segment.range), '\n');
    }
    out += concat(segment.uri, '\n');
    begin = end;
  }
  if (vod || playlist.ended) {
    out += "#EXT-X-ENDLIST\n";
  }
  return out;
}

std::string write_master_playlist(const MasterPlaylist& playlist) {
  // Version 4: EXT-X-MEDIA and the AUDIO attribute.
  std::string out = "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-INDEPENDENT-SEGMENTS\n";
  for (const Media& media : playlist.media) {
    write_media(out, media);
  }
  for (const Variant& variant : playlist.variants) {
    write_variant(out, variant);
  }
  for (const IFrameVariant& variant : playlist.i_frames) {
    write_i_frame_variant(out, variant);
  }
  return out;
}

std::string avc1_codec(std::uint8_t profile, std::uint8_t constraints, std::uint8_t level) {
  char text[16];
  std::snprintf(text, sizeof text, "avc1.%02x%02x%02x", unsigned{profile}, unsigned{constraints},
                unsigned{level});
  return text;
}

std::string segment_name(std::uint32_t number) { return concat(number, ".ts"); }

std::optional<std::uint32_t> segment_number(std::string_view file_name) {
  constexpr std::string_view kSuffix = ".ts";
  if (!file_name.ends_with(kSuffix)) {
    return std::nullopt;
  }
  file_name.remove_suffix(kSuffix.size());
  if (file_name.size() > 1 && file_name.front() == '0') {
    return std::nullopt;
  }
  const auto number = parse_decimal(file_name, 0xffff'ffff);
  return number ? std::optional(static_cast<std::uint32_t>(*number)) : std::nullopt;
}

}  // namespace sf::hls
