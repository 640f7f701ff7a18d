#include "command_subtitles.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/hls/subtitle_pack.hpp>

#include "job.hpp"

namespace sf::transcode {
namespace {

Result<> write_track(const OutputDir& out, std::string_view pack, std::uint32_t track,
                     std::uint32_t segments) {
  for (std::uint32_t segment = 0; segment < segments; ++segment) {
    const auto text = hls::packed_segment(pack, track, segment);
    if (!text) return fail(text.error());
    const std::string name =
        concat(hls::kSubtitleFolder, track, '/', hls::subtitle_segment_name(segment));
    if (auto wrote = out.write(name, *text); !wrote) return wrote;
  }
  return {};
}

}  // namespace

Result<UnpackedSubtitles> unpack_subtitles(const OutputDir& out, std::string_view pack,
                                           const std::vector<SubtitleInfo>& found) {
  const auto head = hls::read_pack_head(as_bytes(pack));
  if (!head) return fail(head.error());
  const auto tracks = hls::read_pack_tracks(
      *head, as_bytes(pack.substr(hls::kPackHeadBytes, head->tracks * hls::kPackTrackBytes)));
  if (!tracks) return fail(tracks.error());
  UnpackedSubtitles unpacked;
  for (std::uint32_t i = 0; i < found.size() && i < head->tracks; ++i) {
    const SubtitleInfo& info = found[i];
    const std::string why =
        info.left_out.empty() ? std::string(why_left_out((*tracks)[i])) : info.left_out;
    if (!why.empty()) {
      unpacked.warnings.push_back(
          concat("subtitles in \"", info.language, "\" are left out: ", why));
      continue;
    }
    if (auto wrote = write_track(out, pack, i, head->segments); !wrote) {
      return fail(std::move(wrote.error()));
    }
    unpacked.tracks.push_back({std::to_string(i), info.language, info.title, info.is_default,
                               info.forced, info.hearing_impaired});
  }
  return unpacked;
}

}  // namespace sf::transcode
